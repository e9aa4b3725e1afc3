// One chart alone, live: for a slide, or a page of others.

import * as charts from "./chart.js"
import { follow } from "./stream.js"

const OWN = ["embed", "chart"]
// So much of a name that no chart has is said.
const SHOWN_NAME = 40

/** Show the chart that the page's address names; `data`: {base, page, chart, plotly}. */
export function show({ base, page, chart: first, plotly }) {
  const query = new URLSearchParams(location.search)
  const experiment = query.get("experiment") ?? ""
  const key = query.get("chart") ?? first
  const [about, words, place] = ["about", "words", "chart"].map((id) => document.getElementById(id))
  if (!experiment) {
    words.textContent = "An address to embed names an experiment: ?embed=1&experiment=…"
    return
  }
  for (const name of [...OWN, "experiment"]) query.delete(name)
  query.set("page", page)
  const chart = charts.mount(place)
  const address = `${base}/live/${encodeURIComponent(experiment)}?${query}`
  let block = null
  let missing = ""
  follow(address, take, say)

  function take({ blocks, steps, status }) {
    const readout = blocks.find(({ kind }) => kind === "readout")
    if (readout) about.textContent = `${readout.about} · ${readout.status}`
    block = found(blocks, key) ?? block
    missing = block ? "" : `This experiment has no chart of the name “${cut(key)}”.`
    if (!block) return say(document.body.dataset.stream)
    const { figure, label } = block
    charts.draw(chart, { figure, key, label, steps, status, source: plotly })
  }

  function say(state, sentence) {
    document.body.dataset.stream = state
    const lost = state === "waiting" ? "The connection is lost; trying again." : ""
    words.textContent = sentence ?? (lost || missing)
  }
}

const cut = (name) => name.length > SHOWN_NAME ? `${name.slice(0, SHOWN_NAME)}…` : name

// The chart may stand in a grid or a fold.
function found(blocks, key) {
  for (const block of blocks) {
    if (block.kind === "chart" && block.id === key) return block
    const inside = found(block.cells?.flat() ?? block.blocks ?? [], key)
    if (inside) return inside
  }
  return null
}
