// Draws the figures of the report when they come into view, and lets them follow the page: light, dark, narrow, on paper.
(function () {
  "use strict";
  const COLOURS = new Set([
    "color", "fillcolor", "linecolor", "bgcolor", "fgcolor", "arrowcolor", "bordercolor", "outlinecolor", "tickcolor", "gridcolor",
  ]);
  const toDark = window.rnnlatchColours.toDark;
  const plots = Array.from(document.querySelectorAll(".plot"));
  const told = document.getElementById("told");

  function recoloured(value, key) {
    if (typeof value === "string") return COLOURS.has(key) ? toDark(value) : value;
    if (Array.isArray(value)) {
      return COLOURS.has(key) && typeof value[0] === "string"
        ? value.map(toDark) : value.map(function (each) { return typeof each === "object" ? recoloured(each, "") : each; });
    }
    if (value === null || typeof value !== "object" || "bdata" in value) return value;
    return Object.fromEntries(Object.entries(value).map(function (entry) {
      return [entry[0], entry[0] === "colorscale" ? entry[1] : recoloured(entry[1], entry[0])];
    }));
  }

  // The colours of a panel with a map beneath are its own on any ground; its frame and words are the page's.
  function figureOf(plot) {
    const spec = plot.rnnlatchSpec, dark = window.rnnlatchPage.isDark();
    const copy = structuredClone({ data: spec.data, layout: spec.layout });
    if (dark) {
      const notes = copy.layout.annotations, ground = copy.layout.plot_bgcolor;
      copy.layout = recoloured(copy.layout, "");
      if (spec.covered) {
        copy.layout.annotations = notes;
        copy.layout.plot_bgcolor = ground;
      } else {
        copy.data = recoloured(copy.data, "");
      }
    }
    Object.keys(copy.layout).filter(function (name) { return /^[xy]axis/.test(name); }).forEach(function (name) {
      copy.layout[name].tickcolor = copy.layout[name].linecolor;
    });
    if (copy.layout.scene) {
      const lines = dark ? "#566370" : "#c4ccd4";
      ["xaxis", "yaxis", "zaxis"].forEach(function (name) {
        Object.assign(copy.layout.scene[name], { gridcolor: lines, zerolinecolor: lines, showbackground: false });
      });
    }
    copy.layout.hoverlabel = {
      bgcolor: dark ? "#2b343d" : "#ffffff", bordercolor: dark ? "#a3aeb9" : "#55616d",
      font: { color: dark ? "#e4e8ec" : "#1b232b", size: 13 }, namelength: -1,
    };
    copy.layout.modebar = {
      bgcolor: "rgba(0,0,0,0)", color: dark ? "#a3aeb9" : "#55616d", activecolor: dark ? "#e4e8ec" : "#1b232b",
    };
    const hidden = plot.rnnlatchHidden;
    copy.data.forEach(function (trace) {
      if (trace.meta && hidden.has(trace.meta.label)) trace.visible = false;
    });
    return copy;
  }

  const CONFIG = {
    responsive: true, displaylogo: false, scrollZoom: false, doubleClick: "reset", // codespell:ignore
    modeBarButtonsToRemove: ["lasso2d", "select2d", "autoScale2d", "toggleSpikelines"],
    showSendToCloud: false,  // on by default from 4.0 on, and it sends the data away
  };

  function canDrawScenes() {
    const canvas = document.createElement("canvas");
    try { return Boolean(canvas.getContext("webgl2") || canvas.getContext("webgl")); } catch (error) { return false; }
  }

  function draw(plot) {
    if (plot.rnnlatchSpec) return Promise.resolve();
    const spec = JSON.parse(document.getElementById(plot.dataset.figure).textContent);
    const still = plot.parentElement.querySelector(".still");
    plot.rnnlatchSpec = spec;
    plot.rnnlatchHidden = new Set();
    if (still && !canDrawScenes()) {
      still.hidden = false;
      plot.hidden = true;
      plot.dataset.drawn = "still";
      return Promise.resolve();
    }
    const figure = figureOf(plot);
    return window.Plotly.newPlot(plot, figure.data, figure.layout, CONFIG).then(function () {
      plot.dataset.drawn = "yes";
      scalable(plot);
      plot.on("plotly_afterplot", function () { scalable(plot); });
      plot.on("plotly_relayout", function (change) { numbersAtTicks(plot, change); });
    });
  }

  // On paper there is no time to draw again: what was drawn for the window becomes narrower as a whole.
  function scalable(plot) {
    plot.querySelectorAll(".svg-container > svg.main-svg").forEach(function (svg) {
      const width = svg.getAttribute("width"), height = svg.getAttribute("height");
      svg.setAttribute("viewBox", "0 0 " + width + " " + height);
      svg.parentElement.style.setProperty("--drawn", width + " / " + height);
    });
  }

  // The ticks are those of the printed figure; where somebody has zoomed in, they are chosen anew.
  function numbersAtTicks(plot, change) {
    const update = {};
    Object.entries(plot.rnnlatchSpec.numeric).forEach(function (entry) {
      const name = entry[0], now = plot.layout[name];
      if (!entry[1] || !Object.keys(change).some(function (key) { return key.startsWith(name + "."); })) return;
      const first = plot.rnnlatchSpec.layout[name].range;
      const back = now.range.every(function (end, at) { return Math.abs(end - first[at]) < 1e-9 * Math.abs(first[1] - first[0]); });
      const wanted = back ? "array" : "auto";
      if (now.tickmode !== wanted) {
        update[name + ".tickmode"] = wanted;
        update[name + ".exponentformat"] = "power";
        update[name + ".minor.tickmode"] = wanted;
      }
    });
    if (Object.keys(update).length) window.Plotly.relayout(plot, update);
  }

  function redraw() {
    plots.forEach(function (plot) {
      if (plot.dataset.drawn !== "yes") return;
      const figure = figureOf(plot);
      Object.keys(plot.rnnlatchSpec.numeric).forEach(function (name) {
        if (!plot.layout[name]) return;
        figure.layout[name].range = plot.layout[name].range.slice();
        figure.layout[name].tickmode = plot.layout[name].tickmode;
      });
      window.Plotly.react(plot, figure.data, figure.layout, CONFIG);
    });
    document.querySelectorAll(".sample *").forEach(function (part) {
      ["stroke", "fill"].forEach(function (name) {
        const kept = "rnnlatch" + name;
        if (!part.hasAttribute(name)) return;
        if (!part.dataset[kept]) part.dataset[kept] = part.getAttribute(name);
        const covered = part.closest("[data-covered]") !== null;
        const dark = window.rnnlatchPage.isDark() && !covered;
        part.setAttribute(name, dark ? toDark(part.dataset[kept]) : part.dataset[kept]);
      });
    });
  }

  // A name in a legend hides and shows what it names: in its panel, or, of a legend of the whole figure, in all of them.
  function switchSeries(button) {
    const panel = button.closest(".panel") || button.closest(".figure");
    const shown = button.getAttribute("aria-pressed") !== "true", label = button.dataset.series;
    button.setAttribute("aria-pressed", String(shown));
    Array.from(panel.querySelectorAll(".plot")).forEach(function (plot) {
      draw(plot).then(function () {
        plot.rnnlatchHidden[shown ? "delete" : "add"](label);
        if (plot.dataset.drawn !== "yes") return;
        const traces = plot.data.map(function (trace, at) { return trace.meta && trace.meta.label === label ? at : -1; })
          .filter(function (at) { return at >= 0; });
        if (traces.length) window.Plotly.restyle(plot, { visible: shown }, traces);
      });
    });
  }

  // A name that names nothing that can be hidden is words.
  function checkLegends() {
    document.querySelectorAll(".legend button").forEach(function (button) {
      const panel = button.closest(".panel") || button.closest(".figure");
      const named = Array.from(panel.querySelectorAll(".plot")).some(function (plot) {
        return JSON.parse(document.getElementById(plot.dataset.figure).textContent).data.some(function (trace) {
          return trace.meta && trace.meta.label === button.dataset.series;
        });
      });
      if (named) {
        button.addEventListener("click", function () { switchSeries(button); });
        return;
      }
      const words = document.createElement("span");
      words.className = "entry";
      words.append.apply(words, Array.from(button.childNodes));
      button.replaceWith(words);
    });
  }

  function copyButtons() {
    document.querySelectorAll("button.copy").forEach(function (button) {
      button.hidden = false;
      button.addEventListener("click", function () {
        const code = button.parentElement.querySelector("code"), range = document.createRange();
        range.selectNodeContents(code);
        const chosen = window.getSelection();
        chosen.removeAllRanges();
        chosen.addRange(range);
        let done = false;
        try { done = document.execCommand("copy"); } catch (error) { done = false; }
        told.textContent = done ? "Copied: " + code.textContent : "Press Ctrl+C to copy what is selected.";
        button.textContent = done ? "Copied" : "Selected";
      });
    });
  }

  const seen = new IntersectionObserver(function (entries) {
    entries.filter(function (entry) { return entry.isIntersecting; }).forEach(function (entry) {
      seen.unobserve(entry.target);
      draw(entry.target);
    });
  }, { rootMargin: "600px 0px" });

  checkLegends();
  copyButtons();
  redraw();
  plots.forEach(function (plot) { seen.observe(plot); });
  document.addEventListener("themechange", redraw);
  window.addEventListener("beforeprint", function () { plots.forEach(draw); });
  window.rnnlatchReport = { drawAll: function () { return Promise.all(plots.map(draw)); } };
})();
