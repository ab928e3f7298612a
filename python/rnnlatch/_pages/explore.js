// The page of the latch: reads the sliders, asks latch.js, and draws. One drawing for each frame, however fast a slider moves.
(function () {
  "use strict";
  const latch = window.rnnlatchLatch;
  const NAMES = ["w", "h", "s", "length"];
  const FIRST = { w: 1.25, h: 0, s: 0.05, length: 60, seed: 1 };
  const inputs = Object.fromEntries(NAMES.map(function (name) { return [name, document.getElementById(name)]; }));
  const settings = Object.assign({}, FIRST);
  const look = { ink: "#000000", ground: "#ffffff" };
  let waiting = false;

  function clamp(name, value) {
    const input = inputs[name];
    return Number.isFinite(value) ? Math.min(Math.max(value, Number(input.min)), Number(input.max)) : FIRST[name];
  }

  // "w=2&h=fold" as in the address behind #, and of the buttons; fold is h*.
  function take(text) {
    const given = new URLSearchParams(text);
    if (given.has("w")) settings.w = clamp("w", Number(given.get("w")));
    if (given.has("h")) {
      settings.h = given.get("h") === "fold" ? latch.escapeThreshold(settings.w) : clamp("h", Number(given.get("h")));
    }
    if (given.has("s")) settings.s = clamp("s", Number(given.get("s")));
    if (given.has("length")) settings.length = Math.round(clamp("length", Number(given.get("length"))));
    if (/^\d{1,9}$/.test(given.get("seed") || "")) settings.seed = Number(given.get("seed"));
    NAMES.forEach(function (name) { inputs[name].value = String(settings[name]); });
    ask();
  }

  function address() {
    return "#" + NAMES.concat("seed").map(function (name) { return name + "=" + Number(settings[name].toPrecision(12)); }).join("&");
  }

  function keep() {
    window.clearTimeout(keep.timer);
    keep.timer = window.setTimeout(function () { window.history.replaceState(null, "", address()); }, 150);
  }

  function ask() {
    if (waiting) return;
    waiting = true;
    window.requestAnimationFrame(function () { waiting = false; show(); });
  }

  // Lines and words on one canvas, in the coordinates of the data.
  function chart(id, x, y, labels) {
    const canvas = document.getElementById(id), scale = window.devicePixelRatio || 1;
    const width = look.widths[id], height = look.height;
    if (canvas.width !== Math.round(width * scale)) canvas.width = Math.round(width * scale);
    if (canvas.height !== Math.round(height * scale)) canvas.height = Math.round(height * scale);
    const brush = canvas.getContext("2d"), box = { left: 46, top: 8, right: width - 10, bottom: height - 34 };
    const ink = look.ink;
    brush.setTransform(scale, 0, 0, scale, 0, 0);
    brush.clearRect(0, 0, width, height);
    const across = function (value) { return box.left + (value - x[0]) / (x[1] - x[0]) * (box.right - box.left); };
    const up = function (value) { return box.bottom - (value - y[0]) / (y[1] - y[0]) * (box.bottom - box.top); };
    brush.font = "12px system-ui, sans-serif";
    brush.fillStyle = brush.strokeStyle = ink;
    brush.lineWidth = 1;
    brush.setLineDash([]);
    brush.strokeRect(box.left, box.top, box.right - box.left, box.bottom - box.top);
    brush.textAlign = "center";
    ticks(x, 6).forEach(function (value) { brush.fillText(short(value), across(value), box.bottom + 14); });
    brush.fillText(labels[0], (box.left + box.right) / 2, box.bottom + 29);
    brush.textAlign = "right";
    ticks(y, 6).forEach(function (value) { brush.fillText(short(value), box.left - 4, up(value) + 4); });
    brush.save();
    brush.translate(11, (box.top + box.bottom) / 2);
    brush.rotate(-Math.PI / 2);
    brush.textAlign = "center";
    brush.fillText(labels[1], 0, 0);
    brush.restore();
    return {
      line: function (points, colour, dash, thick) {
        brush.save();
        brush.beginPath();
        brush.rect(box.left, box.top, box.right - box.left, box.bottom - box.top);
        brush.clip();
        brush.beginPath();
        points.forEach(function (point, at) { brush[at ? "lineTo" : "moveTo"](across(point[0]), up(point[1])); });
        brush.setLineDash(dash || []);
        brush.lineWidth = thick || 2;
        brush.strokeStyle = colour || ink;
        brush.stroke();
        brush.restore();
      },
      area: function (from, to, colour) {
        const left = Math.max(across(from), box.left), right = Math.min(across(to), box.right);
        brush.fillStyle = colour;
        if (right > left) brush.fillRect(left, box.top, right - left, box.bottom - box.top);
      },
      dot: function (a, b, filled) {
        brush.beginPath();
        brush.arc(across(a), up(b), 5, 0, 2 * Math.PI);
        brush.lineWidth = 2;
        brush.strokeStyle = ink;
        brush.fillStyle = filled ? ink : look.ground;
        brush.fill();
        brush.stroke();
      },
    };
  }

  function ticks(range, most) {
    const rough = (range[1] - range[0]) / most, size = Math.pow(10, Math.floor(Math.log10(rough)));
    const apart = size * [1, 2, 5, 10].find(function (factor) { return factor * size >= rough; });
    const found = [];
    for (let at = Math.ceil(range[0] / apart - 1e-9); at * apart <= range[1] + 1e-9 * apart; at += 1) found.push(at * apart);
    return found;
  }

  // What halving an interval leaves of a zero is one.
  function short(value) { return Math.abs(value) < 1e-12 ? "0" : String(Number(value.toPrecision(4))).replace("-", "−"); }

  function power(logarithm) {
    if (logarithm > -3) return short(Math.pow(10, logarithm));
    let exponent = Math.floor(logarithm), factor = Math.pow(10, logarithm - exponent).toFixed(1);
    if (factor === "10.0") [exponent, factor] = [exponent + 1, "1.0"];
    const raised = String(-exponent).replace(/\d/g, function (digit) { return "⁰¹²³⁴⁵⁶⁷⁸⁹"[Number(digit)]; });
    return factor + " · 10⁻" + raised;
  }

  function colours() {
    return window.rnnlatchPage.isDark()
      ? { map: "#56b4e9", way: "#f08a4b", upper: "rgba(60,203,155,.22)", quiet: "#a3aeb9" }
      : { map: "#0072b2", way: "#d55e00", upper: "rgba(0,158,115,.18)", quiet: "#55616d" };
  }

  function spaced(low, high, count) {
    return Array.from({ length: count + 1 }, function (_, at) { return low + (high - low) * at / count; });
  }

  // What depends on the page is asked for once a frame, before anything is changed.
  function measure() {
    const style = getComputedStyle(document.body);
    look.ink = style.color;
    look.ground = style.backgroundColor;
    look.widths = Object.fromEntries(Array.from(document.querySelectorAll("canvas"), function (canvas) {
      look.height = canvas.clientHeight;
      return [canvas.id, canvas.clientWidth];
    }));
  }

  function show() {
    measure();
    const w = settings.w, h = settings.h, points = latch.fixedPoints(w, h), threshold = latch.escapeThreshold(w);
    const states = latch.trajectory(w, h, settings.s, settings.length, settings.seed, points[0].a);
    const steep = latch.gradients(w, states), colour = colours(), far = Math.max(2, w + Math.abs(h) + 0.3);
    const upper = points.length === 3 ? points[1].a : points[0].a > 0 ? -Infinity : Infinity;
    drawMap(w, h, points, states, upper, far, colour);
    drawFold(w, h, points, threshold, colour);
    drawPath(states, threshold, points, colour);
    drawGradient(steep, colour);
    tell(points, threshold, states, steep);
    keep();
  }

  function drawMap(w, h, points, states, upper, far, colour) {
    const chartOf = chart("map", [-far, far], [-far, far], ["pre-activation a", "one step later"]);
    chartOf.area(upper === -Infinity ? -far : upper, upper === Infinity ? -far : far, colour.upper);
    chartOf.line([[-far, -far], [far, far]], colour.quiet, [4, 3], 1);
    chartOf.line(spaced(-far, far, 160).map(function (a) { return [a, latch.step(w, h, a)]; }), colour.map);
    const way = [[states[0], states[0]]];
    Array.from(states).slice(1, 60).forEach(function (after, at) { way.push([states[at], after], [after, after]); });
    chartOf.line(way, colour.way, [], 1);
    points.forEach(function (point) { chartOf.dot(point.a, point.a, point.stable); });
  }

  function drawFold(w, h, points, threshold, colour) {
    const wide = Math.max(0.5, 1.6 * threshold, 1.1 * Math.abs(h)), tall = w + wide;
    const chartOf = chart("fold", [-wide, wide], [-tall, tall], ["constant input h", "fixed points a"]);
    const edge = w > 1 ? latch.edge(w) : 0;
    const branch = function (low, high) {
      return spaced(low, high, 120).map(function (a) { return [a - w * Math.tanh(a), a]; });
    };
    chartOf.line(branch(-tall, -edge), colour.map);
    chartOf.line(branch(edge, tall), colour.map);
    if (w > 1) chartOf.line(branch(-edge, edge), colour.map, [5, 4]);
    [-threshold, threshold].forEach(function (at) { if (w > 1) chartOf.line([[at, -tall], [at, tall]], colour.way, [2, 3], 1.5); });
    points.forEach(function (point) { chartOf.dot(h, point.a, point.stable); });
  }

  function drawPath(states, threshold, points, colour) {
    const largest = Math.max.apply(null, Array.from(states).map(Math.abs).concat(1));
    const chartOf = chart("path", [0, states.length - 1], [-1.1 * largest, 1.1 * largest], ["time t (steps)", "pre-activation a"]);
    points.forEach(function (point) {
      chartOf.line([[0, point.a], [states.length, point.a]], colour.quiet, point.stable ? [] : [4, 3], 1);
    });
    chartOf.line(Array.from(states, function (a, t) { return [t, a]; }), colour.way, [], 1.5);
  }

  function drawGradient(steep, colour) {
    const low = Math.min.apply(null, Array.from(steep)), high = Math.max.apply(null, Array.from(steep));
    const chartOf = chart("gradient", [0, steep.length - 1], [Math.min(low, -0.5), Math.max(high, 0) + 0.2], ["lag k (steps)", "log10 of the gradient"]);
    chartOf.line(Array.from(steep, function (value, lag) { return [lag, value]; }), colour.map);
  }

  function tell(points, threshold, states, steep) {
    NAMES.forEach(function (name) { document.getElementById(name + "-value").textContent = short(settings[name]); });
    const rows = points.map(function (point, at) {
      const low = at ? points[at - 1].a : -Infinity, high = at + 1 < points.length ? points[at + 1].a : Infinity;
      const basin = !point.stable ? "its own point" : points.length === 1 ? "all states"
        : low === -Infinity ? "a below " + short(high) : "a above " + short(low);
      return [short(point.a), short(point.slope), point.stable ? "attracts" : "repels", basin];
    });
    const body = document.getElementById("points");
    body.replaceChildren.apply(body, rows.map(function (cells) {
      const row = document.createElement("tr");
      cells.forEach(function (text, at) {
        const cell = document.createElement(at ? "td" : "th");
        if (!at) cell.scope = "row";
        cell.textContent = text;
        row.append(cell);
      });
      return row;
    }));
    const last = states[states.length - 1];
    const text = (settings.w > 1 ? "h* is " + short(threshold) + ": " + (points.length > 1 ? "two attractors, the bit is kept."
      : "the input is beyond it, one attractor is left.") : "w is not above 1: one attractor, nothing is kept.")
      + " After " + settings.length + " steps a is " + short(last) + "; of the gradient " + power(steep[steep.length - 1]) + " is left.";
    window.clearTimeout(tell.timer);
    // In words only when a slider rests, or a screen reader would never come to an end.
    tell.timer = window.setTimeout(function () {
      document.getElementById("told").textContent = text;
      document.getElementById("map").setAttribute("aria-label", "The map for w = " + short(settings.w) + " and h = "
        + short(settings.h) + ", with " + points.length + " fixed points. " + text);
    }, 150);
  }

  NAMES.forEach(function (name) {
    inputs[name].addEventListener("input", function () { settings[name] = Number(inputs[name].value); ask(); });
  });
  document.querySelectorAll("[data-preset]").forEach(function (button) {
    button.addEventListener("click", function () { take(button.dataset.preset); });
  });
  document.getElementById("another").addEventListener("click", function () { settings.seed += 1; ask(); });
  window.addEventListener("resize", ask);
  window.addEventListener("hashchange", function () { take(window.location.hash.slice(1)); });
  document.addEventListener("themechange", ask);
  window.addEventListener("beforeprint", show);
  take(window.location.hash.slice(1));
  window.rnnlatchExplore = { settings: settings, show: show, power: power };
})();
