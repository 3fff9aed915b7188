/* What the pages do beyond HTML. Each works without this file, too. */
(function () {
  "use strict";
  var root = document.body.dataset.root || "./";

  /* Times: how long ago goes on by itself. */
  function relative(seconds) {
    var size = Math.abs(seconds), past = seconds >= 0, text;
    if (size < 45) { return past ? "just now" : "any moment"; }
    if (size < 5400) { text = Math.max(1, Math.round(size / 60)) + " min"; }
    else if (size < 129600) { text = Math.round(size / 3600) + " h"; }
    else if (size < 5184000) { var d = Math.round(size / 86400); text = d === 1 ? "1 day" : d + " days"; }
    else { text = Math.round(size / 2629800) + " months"; }
    return past ? text + " ago" : "in " + text;
  }
  function times(scope) {
    scope.querySelectorAll("time[data-ago]").forEach(function (node) {
      var d = new Date(node.dateTime);
      if (!isNaN(d)) { node.textContent = relative((Date.now() - d) / 1000); }
    });
  }

  /* Light and dark without a page load. */
  document.addEventListener("submit", function (event) {
    var form = event.target;
    if (form.matches("[data-theme-form]")) {
      event.preventDefault();
      var dark = document.documentElement.dataset.theme
        ? document.documentElement.dataset.theme === "dark"
        : matchMedia("(prefers-color-scheme: dark)").matches;
      var theme = dark ? "light" : "dark";
      document.documentElement.dataset.theme = theme;
      var body = new URLSearchParams(new FormData(form));
      body.set("theme", theme);
      // kept up when the page is left at once
      fetch(form.action, { method: "POST", body: body, redirect: "manual", keepalive: true });
      return;
    }
    if (!form.matches("[hx-post],[hx-get]")) { busy(true); }
  });

  /* Progress: of page loads and of htmx requests alike. */
  function busy(on) { document.querySelector(".progress").classList.toggle("busy", on); }
  document.addEventListener("htmx:beforeRequest", function () { busy(true); });
  document.addEventListener("htmx:afterRequest", function () { busy(false); });
  window.addEventListener("pageshow", function () { busy(false); });
  document.addEventListener("htmx:sendError", function () {
    document.getElementById("notices").textContent = "The server cannot be reached. Nothing was changed; try again.";
  });

  /* Previews open in the dialog; without script they are pages. */
  var dialog = document.getElementById("dialog");
  document.addEventListener("htmx:afterSwap", function (event) {
    if (event.detail.target === dialog && !dialog.open) { dialog.showModal(); }
    if (["notices", "main"].indexOf(event.detail.target.id) >= 0 && dialog.open) { dialog.close(); }
  });
  document.addEventListener("click", function (event) {
    var closer = event.target.closest("[data-close]");
    if (closer && dialog.open) { event.preventDefault(); dialog.close(); }
    if (event.target === dialog) { dialog.close(); }
    if (event.target.closest("a[data-slow]")) { busy(true); }
    if (event.target.closest("[data-print]")) { print(); }
    var dismiss = event.target.closest("[data-dismiss]");
    if (dismiss) {
      event.preventDefault();
      dismiss.closest(".notice").remove();
      history.replaceState(null, "", dismiss.href);
      document.getElementById("main").focus({ preventScroll: true });
    }
    document.querySelectorAll("details.menu[open]").forEach(function (menu) { if (!menu.contains(event.target)) { menu.open = false; } });
  });
  document.addEventListener("keydown", function (event) {
    var menu = event.key === "Escape" && document.querySelector("details.menu[open]");
    if (menu) { menu.open = false; menu.querySelector("summary").focus(); }
  });
  document.addEventListener("click", function (event) {
    var link = event.target.closest("a[href='#freeze']"), menu = document.getElementById("freeze");
    if (link && menu && menu.tagName === "DETAILS") { menu.open = true; }
  });
  /* After a decision the focus goes to the same button of the next one, else to what the row says now. */
  var from = null;
  document.addEventListener("htmx:beforeRequest", function (event) {
    var row = event.target.closest(".rows > li, .tiles > li, .rule"), button = document.activeElement;
    from = row && button && row.contains(button) ? { id: row.id, text: button.dataset.kind || button.textContent.trim().split(/\s+/)[0], next: row.nextElementSibling } : null;
  });
  document.addEventListener("htmx:afterSettle", function () {
    if (!from || (document.activeElement && document.activeElement !== document.body)) { return; }
    var start = function (scope) {
      return scope && Array.prototype.find.call(scope.querySelectorAll("button"), function (b) { return !b.disabled && b.textContent.trim().split(/\s+/)[0] === from.text; });
    };
    var here = document.getElementById(from.id), to = start(here) || start(from.next) || (here && here.querySelector("button, a"));
    if (to) { to.focus(); }
    from = null;
  });
  document.addEventListener("closeDialog", function () { if (dialog.open) { dialog.close(); } });

  /* A selection of actions. */
  function countPicked() {
    var picked = document.querySelectorAll("input[name=action_ids]:checked").length;
    document.querySelectorAll("[data-picked]").forEach(function (button) {
      button.disabled = picked === 0;
      var label = button.querySelector("[data-count]");
      if (label) { label.textContent = picked ? " (" + picked + ")" : ""; }
    });
  }
  document.addEventListener("change", function (event) {
    if (event.target.matches("[data-pick-all]")) {
      document.querySelectorAll("input[name=action_ids]").forEach(function (box) { box.checked = event.target.checked; });
    }
    if (event.target.matches("[data-pick-all],input[name=action_ids]")) { countPicked(); }
    if (event.target.matches("[data-auto-submit] select")) { event.target.form.requestSubmit(); }
  });

  /* Charts are there without this; pointing at a day says at once what its title says later. */
  document.addEventListener("pointerover", function (event) {
    var plot = event.target.closest && event.target.closest("[data-plot]");
    document.querySelectorAll(".chart-tip:not([hidden])").forEach(function (tip) { if (!plot || !plot.contains(tip)) { tip.hidden = true; } });
    if (!plot) { return; }
    var at = event.target.closest("rect.day, .mark"), tip = plot.querySelector(".chart-tip");
    if (!at) { tip.hidden = true; return; }
    var title = at.querySelector("title");
    if (title) { at.said = title.textContent; title.remove(); }
    tip.textContent = at.said;
    tip.hidden = false;
    var box = plot.getBoundingClientRect(), day = at.getBoundingClientRect();
    var left = day.left + day.width / 2 - box.left + 12;
    if (left + tip.offsetWidth > box.width) { left -= tip.offsetWidth + 24; }
    tip.style.left = Math.max(0, left) + "px";
  });

  /* Confirm before leaving a changed rule. */
  var dirty = false;
  document.addEventListener("input", function (event) { if (event.target.closest("[data-guard]")) { dirty = true; } });
  document.addEventListener("submit", function () { dirty = false; });
  window.addEventListener("beforeunload", function (event) { if (dirty) { event.preventDefault(); } });

  function ready(scope) { times(scope); countPicked(); }
  document.addEventListener("htmx:load", function (event) { ready(event.detail.elt); });
  ready(document);
  setInterval(function () { times(document); }, 30000);
}());
