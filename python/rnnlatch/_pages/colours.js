// Colours of figures on dark ground: what is grey is turned round, what is coloured gets light enough to be seen.
(function () {
  "use strict";
  function parts(colour) {
    let found = /^#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})$/i.exec(colour);
    if (found) return [parseInt(found[1], 16), parseInt(found[2], 16), parseInt(found[3], 16), 1];
    found = /^rgba\(([\d.]+),([\d.]+),([\d.]+),([\d.]+)\)$/.exec(colour);
    return found ? found.slice(1).map(Number) : null;
  }
  function toDark(colour) {
    const rgb = parts(colour);
    if (!rgb || rgb[3] === 0) return colour;
    const [red, green, blue] = rgb.map(function (part) { return part / 255; });
    const high = Math.max(red, green, blue), low = Math.min(red, green, blue), light = (high + low) / 2;
    let shown = rgb.slice(0, 3);
    if (high - low < 0.08) {
      shown = [0, 0, 0].map(function () { return Math.round(255 * (0.09 + (1 - light) * 0.8)); });
    } else {
      const wanted = light > 0.8 ? 0.27 : Math.max(light, 0.6);
      // Between the colour and white, or black, where its lightness is the wanted one.
      const share = wanted > light ? (wanted - light) / (1 - light) : (light - wanted) / light;
      const end = wanted > light ? 255 : 0;
      shown = shown.map(function (part) { return Math.round(part + (end - part) * share); });
    }
    return rgb[3] === 1 ? "rgb(" + shown.join(",") + ")" : "rgba(" + shown.join(",") + "," + rgb[3] + ")";
  }
  window.rnnlatchColours = { toDark: toDark };
})();
