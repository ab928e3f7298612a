// Light and dark: as the system has it, until somebody switches; what was chosen is kept where the browser keeps things.
(function () {
  "use strict";
  const root = document.documentElement;
  const system = window.matchMedia("(prefers-color-scheme: dark)");
  const key = "rnnlatch-theme";

  function kept() {
    try { return window.localStorage.getItem(key); } catch (error) { return null; }
  }
  function keep(theme) {
    try { window.localStorage.setItem(key, theme); } catch (error) { /* it holds until the page is closed */ }
  }
  let onPaper = false;
  function isDark() {
    if (onPaper) return false;
    return root.dataset.theme ? root.dataset.theme === "dark" : system.matches;
  }
  function tell() {
    const button = document.getElementById("theme");
    if (button) {
      button.hidden = false;
      button.textContent = isDark() ? "Light page" : "Dark page";
    }
    document.dispatchEvent(new CustomEvent("themechange", { detail: { dark: isDark() } }));
  }

  const before = kept();
  if (before === "dark" || before === "light") root.dataset.theme = before;
  system.addEventListener("change", tell);
  // Paper is light, and so is what is drawn on it.
  [["beforeprint", true], ["afterprint", false]].forEach(function (event) {
    window.addEventListener(event[0], function () {
      onPaper = event[1];
      tell();
    });
  });
  document.addEventListener("DOMContentLoaded", function () {
    document.getElementById("theme").addEventListener("click", function () {
      root.dataset.theme = isDark() ? "light" : "dark";
      keep(root.dataset.theme);
      tell();
    });
    tell();
  });
  window.rnnlatchPage = { isDark: isDark };
})();
