// The mathematics of the latch, a_t = w tanh(a_{t-1}) + h + noise, in pre-activations a. Nothing here knows the page.
(function () {
  "use strict";
  function step(w, h, a) { return w * Math.tanh(a) + h; }

  function slope(w, a) {
    const x = Math.tanh(a);
    return w * (1 - x * x);
  }

  // Where the map is as steep as the diagonal: there attractors are born and lost. Only of w > 1.
  function edge(w) { return Math.atanh(Math.sqrt(1 - 1 / w)); }

  // h*: up to this constant input there are two attractors.
  function escapeThreshold(w) {
    return w > 1 ? w * Math.sqrt(1 - 1 / w) - edge(w) : 0;
  }

  function root(w, h, low, high) {
    const rising = step(w, h, high) - high > 0;
    for (let count = 0; count < 200 && high - low > 0; count += 1) {
      const middle = low + (high - low) / 2;
      if (middle === low || middle === high) break;
      if ((step(w, h, middle) - middle > 0) === rising) high = middle; else low = middle;
    }
    return low + (high - low) / 2;
  }

  // All of them, ascending: between the ends and the two edges the distance from the diagonal is monotonic.
  function fixedPoints(w, h) {
    const far = w + Math.abs(h) + 1;
    const ends = w > 1 ? [-far, -edge(w), edge(w), far] : [-far, far];
    const found = [];
    for (let part = 0; part + 1 < ends.length; part += 1) {
      const low = step(w, h, ends[part]) - ends[part], high = step(w, h, ends[part + 1]) - ends[part + 1];
      if (low > 0 !== high > 0) {
        const a = root(w, h, ends[part], ends[part + 1]), steep = slope(w, a);
        found.push({ a: a, slope: steep, stable: steep < 1 });
      }
    }
    return found;
  }

  // Random numbers from a seed: the same seed gives the same noise.
  function normals(seed) {
    let state = seed >>> 0;
    function uniform() {
      state = (state + 0x6d2b79f5) >>> 0;
      let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
      mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
      return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
    }
    return function () {
      return Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
    };
  }

  function trajectory(w, h, noise, length, seed, start) {
    const next = normals(seed), states = new Float64Array(length + 1);
    states[0] = start;
    for (let t = 1; t <= length; t += 1) states[t] = step(w, h, states[t - 1]) + noise * next();
    return states;
  }

  // log10 of |da_T / da_{T-lag}| for each lag: a product of slopes along the way.
  function gradients(w, states) {
    const last = states.length - 1, found = new Float64Array(states.length);
    for (let lag = 1; lag <= last; lag += 1) found[lag] = found[lag - 1] + Math.log10(slope(w, states[last - lag]));
    return found;
  }

  window.rnnlatchLatch = {
    step: step, slope: slope, edge: edge, escapeThreshold: escapeThreshold, fixedPoints: fixedPoints, normals: normals,
    trajectory: trajectory, gradients: gradients,
  };
})();
