/* What the pages do beyond HTML. Each works without this file, too. */
(function () {
  "use strict";
  var root = document.body.dataset.root || "./";

  /* Times: the viewer's zone as text, the exact moment on hover. */
  var two = function (n) { return String(n).padStart(2, "0"); };
  var stamp = function (d) {
    return d.getFullYear() + "-" + two(d.getMonth() + 1) + "-" + two(d.getDate()) + " " + two(d.getHours()) + ":" + two(d.getMinutes());
  };
  var zone = Intl.DateTimeFormat().resolvedOptions().timeZone || "your zone";
  function relative(seconds) {
    var size = Math.abs(seconds), past = seconds >= 0, text;
    if (size < 45) { return past ? "just now" : "any moment"; }
    if (size < 5400) { text = Math.max(1, Math.round(size / 60)) + " min"; }
    else if (size < 129600) { text = Math.round(size / 3600) + " h"; }
    else if (size < 5184000) { var d = Math.round(size / 86400); text = d === 1 ? "1 day" : d + " days"; }
    else { text = Math.round(size / 2629800) + " months"; }
    return past ? text + " ago" : "in " + text;
  }
  function localTimes(scope) {
    scope.querySelectorAll("time[datetime]").forEach(function (node) {
      var d = new Date(node.dateTime);
      if (isNaN(d)) { return; }
      node.title = stamp(d) + ":" + two(d.getSeconds()) + " " + zone + " (" + d.toISOString().slice(0, 19) + "Z)";
      if ("when" in node.dataset) { node.textContent = stamp(d); }
      if ("ago" in node.dataset) { node.textContent = relative((Date.now() - d) / 1000); }
    });
    document.querySelectorAll("[data-zone]").forEach(function (node) { node.textContent = zone; });
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
      draw(document, true);
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
    if (event.detail.target.id === "notices") {
      if (dialog.open) { dialog.close(); }
      event.detail.target.scrollIntoView({ block: "nearest" });
    }
  });
  document.addEventListener("click", function (event) {
    var closer = event.target.closest("[data-close]");
    if (closer && dialog.open) { event.preventDefault(); dialog.close(); }
    if (event.target === dialog) { dialog.close(); }
    if (event.target.closest("a[data-slow]")) { busy(true); }
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

  /* Charts. */
  function colour(name) { return getComputedStyle(document.documentElement).getPropertyValue(name).trim(); }
  function money(v) { return v == null ? "–" : v.toLocaleString("en-US", { maximumFractionDigits: Math.abs(v) < 100 ? 2 : 0 }); }
  function draw(scope, again) {
    if (typeof uPlot === "undefined") { return; }
    scope.querySelectorAll("[data-chart],[data-month]").forEach(function (figure) {
      var plot = figure.querySelector(".plot");
      if (!plot) { return; }
      if (plot.chart) { if (!again) { return; } plot.chart.destroy(); plot.textContent = ""; }
      var source = figure.querySelector("script[type='application/json']");
      if (!source) { return; }
      var told = JSON.parse(source.textContent);
      if ("month" in figure.dataset) { plot.chart = month(plot, told); }
      else if (told.length) { plot.chart = chart(plot, told); }
    });
  }
  /* The month: what was spent, added up; what is foretold, with its range; the total as a line. */
  function month(plot, told) {
    var days = told.days, last = -1;
    days.forEach(function (d, i) { if (d.spend != null) { last = i; } });
    var xs = days.map(function (d) { return Date.parse(d.day + "T00:00:00Z") / 1000; });
    var spent = days.map(function (d) { return d.spend; });
    /* the forecast begins where the spend ends */
    var foretold = function (key) { return days.map(function (d, i) { return i === last ? d.spend : d[key]; }); };
    var grid = { stroke: colour("--line"), width: 1 };
    var axis = function (more) {
      return Object.assign({ stroke: colour("--muted"), grid: grid, ticks: grid, font: "12px system-ui, sans-serif" }, more);
    };
    var edge = { stroke: "transparent", width: 0, scale: "money", points: { show: false } };
    var few = { show: days.length < 3 };
    var tip = document.createElement("div");
    tip.className = "chart-tip";
    tip.hidden = true;
    var fill = colour("--spend");
    var made = new uPlot({
      width: plot.clientWidth, height: plot.clientHeight,
      tzDate: function (ts) { return uPlot.tzDate(new Date(ts * 1000), "UTC"); },
      legend: { show: false }, cursor: { y: false },
      scales: { x: { time: true }, money: { range: function (u, lo, hi) { return [0, Math.max(hi || 1, told.total || 0) * 1.08]; } } },
      axes: [axis({}), axis({ scale: "money", size: 68, label: "spend" + (told.currency ? ", " + told.currency : ""), labelSize: 18, labelFont: "12px system-ui, sans-serif", values: function (u, v) { return v.map(money); } })],
      series: [{}, Object.assign({}, edge), Object.assign({}, edge),
        { stroke: fill, width: 2, scale: "money", points: few }, { stroke: fill, width: 2, dash: [6, 4], scale: "money", points: few },
        { stroke: colour("--violet"), width: 2, scale: "money", points: { show: false } }],
      bands: [{ series: [1, 2], fill: fill + "33" }],
      hooks: { setCursor: [function (u) {
        var i = u.cursor.idx;
        if (i == null || u.cursor.left < 0) { tip.hidden = true; return; }
        var d = days[i], lines = [d.day];
        if (d.spend != null) { lines.push("spent " + money(d.spend)); }
        if (d.expected != null) { lines.push("foretold " + money(d.expected), money(d.low) + " to " + money(d.high)); }
        if (told.total != null) { lines.push("total " + money(told.total)); }
        show(u, tip, lines, u.data[0][i]);
      }] }
    }, [xs, foretold("high"), foretold("low"), spent, foretold("expected"), days.map(function () { return told.total; })], plot);
    made.over.appendChild(tip);
    return made;
  }
  function show(u, tip, lines, x) {
    tip.textContent = lines.join("\n");
    tip.hidden = false;
    var left = u.valToPos(x, "x") + 12;
    if (left + tip.offsetWidth > u.over.clientWidth) { left -= tip.offsetWidth + 24; }
    tip.style.left = Math.max(0, left) + "px";
  }
  function chart(plot, days) {
    /* Today is not over: it would look like a fall. Its figures stand in the tip and the table. */
    var series = function (key) { return days.map(function (d) { return d.partial || d[key] == null ? null : Number(d[key]); }); };
    var xs = days.map(function (d) { return Date.parse(d.day + "T00:00:00Z") / 1000; });
    var grid = { stroke: colour("--line"), width: 1 };
    var axis = function (more) {
      return Object.assign({ stroke: colour("--muted"), grid: grid, ticks: grid, font: "12px system-ui, sans-serif" }, more);
    };
    var line = function (label, name, scale, dash) {
      return { label: label, stroke: colour(name), width: 2, scale: scale, dash: dash, points: { show: days.length < 3 }, spanGaps: false };
    };
    var tip = document.createElement("div");
    tip.className = "chart-tip";
    tip.hidden = true;
    var options = {
      width: plot.clientWidth, height: plot.clientHeight,
      tzDate: function (ts) { return uPlot.tzDate(new Date(ts * 1000), "UTC"); },
      legend: { show: false }, cursor: { y: false },
      scales: { x: { time: true }, money: { range: function (u, lo, hi) { return [Math.min(0, lo || 0), (hi || 1) * 1.12]; } }, roi: { range: function (u, lo, hi) { return [0, Math.max(hi || 1, 1) * 1.12]; } } },
      axes: [axis({}), axis({ scale: "money", size: 62, values: function (u, v) { return v.map(money); } }),
        axis({ scale: "roi", side: 1, size: 56, grid: { show: false }, values: function (u, v) { return v.map(function (n) { return n + "x"; }); } })],
      series: [{}, line("spend", "--spend", "money"), line("revenue", "--revenue", "money"), line("roi", "--roi", "roi", [6, 4])],
      hooks: { draw: [function (u) { marks(u, days, xs); }], setCursor: [function (u) { point(u, days, tip); }] }
    };
    var made = new uPlot(options, [xs, series("spend"), series("revenue"), series("roi")], plot);
    made.over.appendChild(tip);
    return made;
  }
  function marks(u, days, xs) {
    var ctx = u.ctx, ratio = devicePixelRatio || 1;
    var said = [0, 0];
    ctx.save();
    days.forEach(function (d, i) {
      if (d.left_out) {
        var from = u.valToPos(xs[i] - 43200, "x", true), until = u.valToPos(xs[i] + 43200, "x", true);
        ctx.globalAlpha = 0.15;
        ctx.fillStyle = colour("--muted");
        ctx.fillRect(from, u.bbox.top, until - from, u.bbox.height);
        ctx.globalAlpha = 1;
      }
      if (d.event) { planned(u, d.event, xs[i], i > 0 && days[i - 1].event === d.event, said); }
      var x = u.valToPos(xs[i], "x", true), bottom = u.bbox.top + u.bbox.height - 5 * ratio;
      [["paused", "--red", 0], ["scaled", "--green", 1], ["other", "--violet", 2]].forEach(function (kind) {
        if (!d[kind[0]]) { return; }
        var y = bottom - kind[2] * 12 * ratio, r = 4.5 * ratio;
        ctx.fillStyle = colour(kind[1]);
        ctx.beginPath();
        if (kind[0] === "paused") { ctx.rect(x - r, y - r, 2 * r, 2 * r); }
        else if (kind[0] === "scaled") { ctx.moveTo(x, y - r); ctx.lineTo(x + r, y + r); ctx.lineTo(x - r, y + r); }
        else { ctx.arc(x, y, r, 0, 7); }
        ctx.fill();
      });
    });
    ctx.restore();
  }
  /* A line over the days of a planned event; its reason where it begins, if one of two rows has room (`ends`). */
  function planned(u, why, x, goes_on, ends) {
    var ctx = u.ctx, ratio = devicePixelRatio || 1;
    var from = Math.max(u.bbox.left, u.valToPos(x - 43200, "x", true));
    var until = Math.min(u.bbox.left + u.bbox.width, u.valToPos(x + 43200, "x", true));
    ctx.fillStyle = colour("--violet");
    ctx.fillRect(from, u.bbox.top, until - from, 3 * ratio);
    if (goes_on) { return; }
    var said = why.length > 32 ? why.slice(0, 31) + "…" : why;
    ctx.font = 12 * ratio + "px system-ui, sans-serif";
    var width = ctx.measureText(said).width, room = u.bbox.left + u.bbox.width - width;
    var at = Math.max(u.bbox.left, Math.min(from, room)), row = ends[0] < at ? 0 : 1;
    if (ends[row] >= at) { return; }
    ends[row] = at + width + 6 * ratio;
    ctx.textAlign = "left";
    ctx.textBaseline = "top";
    ctx.fillText(said, at, u.bbox.top + (6 + 15 * row) * ratio);
  }
  function point(u, days, tip) {
    var i = u.cursor.idx;
    if (i == null || u.cursor.left < 0) { tip.hidden = true; return; }
    var d = days[i];
    var lines = [d.day + (d.partial ? " so far" : ""), "spend " + money(d.spend == null ? null : Number(d.spend)), "revenue " + money(d.revenue == null ? null : Number(d.revenue)),
      "roi " + (d.roi == null ? "–" : Number(d.roi).toFixed(2) + "x")];
    if (d.paused) { lines.push("■ paused " + d.paused); }
    if (d.scaled) { lines.push("▲ scaled up " + d.scaled); }
    if (d.other) { lines.push("● other actions " + d.other); }
    if (d.event) { lines.push("planned: " + d.event); }
    if (d.left_out) { lines.push("left out of the evidence"); }
    show(u, tip, lines, u.data[0][i]);
  }

  var waiting;
  window.addEventListener("resize", function () {
    clearTimeout(waiting);
    waiting = setTimeout(function () { draw(document, true); }, 150);
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", function () { draw(document, true); });

  /* Confirm before leaving a changed rule. */
  var dirty = false;
  document.addEventListener("input", function (event) { if (event.target.closest("[data-guard]")) { dirty = true; } });
  document.addEventListener("submit", function () { dirty = false; });
  window.addEventListener("beforeunload", function (event) { if (dirty) { event.preventDefault(); } });

  function ready(scope) { localTimes(scope); draw(scope, false); countPicked(); }
  document.addEventListener("htmx:load", function (event) { ready(event.detail.elt); });
  ready(document);
  setInterval(function () { localTimes(document); }, 30000);
}());
