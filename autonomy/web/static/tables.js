/* Selecting many, and the keyboard. The pages work without this file, too. */
(function () {
  "use strict";
  function boxes(name) { return Array.prototype.slice.call(document.querySelectorAll("input[type=checkbox][name=" + name + "]")); }
  function count() {
    document.querySelectorAll("[data-chosen]").forEach(function (node) {
      var n = boxes(node.dataset.chosen).filter(function (box) { return box.checked; }).length;
      node.textContent = n ? n + " selected" : "Select campaigns to change many at once.";
      node.closest("form").querySelectorAll("button").forEach(function (button) { button.disabled = n === 0; });
    });
  }
  document.addEventListener("change", function (event) {
    var all = event.target.dataset ? event.target.dataset.all : null;
    if (all) { boxes(all).forEach(function (box) { box.checked = event.target.checked; }); }
    if (event.target.matches("input[type=checkbox]")) { count(); }
  });
  document.addEventListener("htmx:load", count);
  window.addEventListener("pageshow", count);
  count();

  /* Keys: only while nobody types, and none with Ctrl, Alt or Meta. */
  var KEYS = [["/", "find a campaign"], ["j", "the next row"], ["k", "the row before"], ["Enter", "open the row"],
    ["x", "select the row"], ["a", "approve the row"], ["r", "reject the row"], ["?", "this list"]];
  function rows() { return Array.prototype.slice.call(document.querySelectorAll("[data-row]")); }
  function current() { return document.querySelector("[data-row].at"); }
  function go(step) {
    var all = rows(), at = all.indexOf(current());
    var next = all[at < 0 ? (step > 0 ? 0 : all.length - 1) : Math.min(all.length - 1, Math.max(0, at + step))];
    if (!next) { return; }
    all.forEach(function (row) { row.classList.toggle("at", row === next); });
    var link = next.querySelector("a");
    if (link) { link.focus({ preventScroll: true }); }
    next.scrollIntoView({ block: "nearest" });
  }
  function press(what) {
    var row = current(), button = row && row.querySelector("[data-key='" + what + "']");
    if (button) { button.click(); }
    return Boolean(button);
  }
  function list() {
    var dialog = document.getElementById("dialog"), box = document.createElement("div"), names = document.createElement("dl");
    var title = document.createElement("h2"), close = document.createElement("button");
    box.className = "dialog-in"; names.className = "keys"; title.textContent = "Keys"; close.textContent = "Close";
    close.dataset.close = ""; close.type = "button";
    KEYS.forEach(function (pair) {
      var key = document.createElement("dt"), what = document.createElement("dd"), cap = document.createElement("kbd");
      cap.textContent = pair[0]; key.append(cap); what.textContent = pair[1]; names.append(key, what);
    });
    box.append(title, names, close);
    dialog.replaceChildren(box);
    dialog.showModal();
  }
  document.addEventListener("keydown", function (event) {
    if (event.ctrlKey || event.altKey || event.metaKey || event.target.closest("input, textarea, select, [contenteditable]") || document.querySelector("dialog[open]")) { return; }
    var done = true;
    if (event.key === "/") {
      var find = document.querySelector("[data-find]") || document.getElementById("find");
      if (find) { find.focus(); find.select(); }
    } else if (event.key === "?") { list(); }
    else if (event.key === "j") { go(1); }
    else if (event.key === "k") { go(-1); }
    else if (event.key === "a") { done = press("approve"); }
    else if (event.key === "r") { done = press("reject"); }
    else if (event.key === "x") {
      var box = current() && current().querySelector("input[type=checkbox]:not(:disabled)");
      if (box) { box.click(); }
    } else { done = false; }
    if (done) { event.preventDefault(); }
  });
}());
