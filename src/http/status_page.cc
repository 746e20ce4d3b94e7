#include "http/status_page.h"

namespace weir {
namespace {

// Everything from the server reaches the page as textContent, so nothing in a name or an error can become markup.
constexpr std::string_view kPage = R"html(<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Weir</title>
<style>
  :root { color-scheme: light dark; --line: #8884; --good: #1a7f37; --warn: #9a6700; --bad: #cf222e; }
  @media (prefers-color-scheme: dark) { :root { --good: #3fb950; --warn: #d29922; --bad: #f85149; } }
  body { font: 15px/1.5 system-ui, sans-serif; max-width: 76rem; margin: 2rem auto; padding: 0 1rem; }
  h1 { font-size: 1.4rem; margin: 0; } h2 { font-size: 1.05rem; margin: 2rem 0 .4rem; }
  header { display: flex; gap: 1rem; align-items: baseline; flex-wrap: wrap; }
  .muted { opacity: .65; } .good { color: var(--good); } .warn { color: var(--warn); } .bad { color: var(--bad); }
  .scroll { overflow-x: auto; }
  table { border-collapse: collapse; width: 100%; }
  th, td { text-align: right; padding: .3rem .6rem; border-bottom: 1px solid var(--line); white-space: nowrap; }
  th { font-weight: 600; } td { font-variant-numeric: tabular-nums; }
  th:first-child, td:first-child { text-align: left; padding-left: 0; }
  .note { margin: .3rem 0; overflow-wrap: anywhere; }
  code { font: 13px ui-monospace, monospace; }
</style>
</head>
<body>
<header><h1 id="name">Weir</h1><strong id="state"></strong><span id="age" class="muted"></span></header>
<div id="notes" role="status"></div>
<form id="login" hidden>
  <p><label>Token <input id="token" type="password" autocomplete="off"></label> <button>Show</button></p>
</form>
<main id="tables"></main>
<script>
"use strict";
const byId = id => document.getElementById(id);
const number = new Intl.NumberFormat("en");
const show = (value, digits) => value === null || value === undefined ? "unknown"
  : number.format(digits === undefined ? value : Number(value.toFixed(digits)));
const element = (tag, text, className) => {
  const node = document.createElement(tag);
  if (text !== undefined) node.textContent = text;
  if (className) node.className = className;
  return node;
};
const modeClass = { live: "good", catching_up: "warn", detached: "bad", none: "muted" };
const modeName = shard => shard.hot_mode.replace("_", " ");
const columns = [
  ["shard", s => show(s.shard)],
  ["lake position", s => show(s.lake_position)],
  ["ClickHouse position", s => s.hot_mode === "none" ? "-" : show(s.hot_position)],
  ["stream end", s => show(s.stream_last_seq)],
  ["lag events", s => show(s.lag_events), s => s.lag_events > 0 ? "warn" : ""],
  ["lag s", s => show(s.lag_seconds, 1)],
  ["events", s => show(s.totals.events)],
  ["rows", s => show(s.totals.rows)],
  ["filtered", s => show(s.totals.filtered)],
  ["dead letters", s => show(s.totals.dead_letters), s => s.totals.dead_letters > 0 ? "warn" : ""],
  ["events/s", s => show(s.rates.events_per_second, 0)],
  ["ClickHouse", modeName, s => modeClass[s.hot_mode]],
];
function tableSection(table) {
  const section = element("section");
  section.append(element("h2", table.name));
  const origin = element("p", "stream " + table.stream + ", plan ", "muted note");
  origin.append(element("code", table.plan_id));
  section.append(origin);
  const grid = element("table");
  const head = grid.createTHead().insertRow();
  for (const [title] of columns) head.append(element("th", title));
  const body = grid.createTBody();
  const notes = [];
  for (const shard of table.shards) {
    const row = body.insertRow();
    for (const [, text, className] of columns) {
      row.append(element("td", text(shard), className ? className(shard) : ""));
    }
    const where = "Shard " + shard.shard + ": ";
    if (shard.stopped_reason) notes.push([where + "stopped. " + shard.stopped_reason, "bad"]);
    if (shard.hot_reason) notes.push([where + "ClickHouse " + modeName(shard) + ". " + shard.hot_reason, "warn"]);
    if (shard.last_error) notes.push([where + "last error: " + shard.last_error, "muted"]);
  }
  const scroll = element("div", undefined, "scroll");
  scroll.append(grid);
  section.append(scroll);
  for (const [text, className] of notes) section.append(element("p", text, "note " + className));
  return section;
}
function render(status) {
  document.title = "Weir: " + status.pipeline;
  byId("name").textContent = status.pipeline;
  byId("state").textContent = status.state + (status.ready ? ", ready" : ", not ready");
  byId("state").className = status.ready ? "good" : "bad";
  byId("age").textContent = "Weir " + status.version + ", " + new Date(status.time_us / 1000).toISOString();
  byId("notes").replaceChildren(...status.not_ready.map(reason => element("p", reason, "note bad")));
  byId("tables").replaceChildren(...status.tables.map(tableSection));
}
async function refresh() {
  const token = sessionStorage.getItem("weir-token");
  try {
    const answer = await fetch("api/v1/status", { headers: token ? { Authorization: "Bearer " + token } : {} });
    byId("login").hidden = answer.status !== 401;
    if (!answer.ok) throw new Error("The server answered " + answer.status + ".");
    render(await answer.json());
  } catch (error) {
    byId("state").textContent = "no answer";
    byId("state").className = "bad";
    byId("notes").replaceChildren(element("p", String(error.message), "note bad"));
  }
}
async function loop() {
  await refresh();
  setTimeout(loop, 2000);
}
byId("login").addEventListener("submit", event => {
  event.preventDefault();
  sessionStorage.setItem("weir-token", byId("token").value);
  byId("token").value = "";
  refresh();
});
loop();
</script>
</body>
</html>
)html";

}  // namespace

std::string_view status_page() { return kPage; }

}  // namespace weir
