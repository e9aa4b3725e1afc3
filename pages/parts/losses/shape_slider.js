// Sliders for the prediction and the target, and the numbers at their place. All numbers are
// here already, so the charts of shapes follow without a word to the server.

// These charts, in the order of the columns of their numbers.
const QUANTITIES = ["shape_loss", "shape_by_prediction", "shape_by_logit"]
// Plotly's dashes, for lines two pixels wide.
const DASHES = {
  solid: "none",
  dot: "3 3",
  dash: "9 9",
  longdash: "15 15",
  dashdot: "9 3 3 3",
  longdashdot: "15 6 3 6",
}

export default function ({ data, parentElement }) {
  const host = parentElement.querySelector(".shape-slider") ?? mount(parentElement)
  const isOther = host.of !== data.of
  Object.assign(host, { of: data.of, shapes: data })
  place(host.prediction, data.x.length, isOther, data.start)
  place(host.target, data.targets.length, isOther, data.start_target)
  host.target.closest("label").hidden = data.targets.length < 2
  name(host.prediction, data.label)
  name(host.target, "Target y")
  host.names.replaceChildren(...["", ...data.columns].map((each) => cell("th", each, "col")))
  show(host)
  return () => {
    if (!host.isConnected) document.removeEventListener("drawn", host.follow)
  }
}

function place(slider, count, isOther, start) {
  slider.max = count - 1
  if (isOther) slider.value = start
}

function name(slider, label) {
  slider.closest("label").querySelector("span").textContent = label
  slider.setAttribute("aria-label", label)
}

function mount(parentElement) {
  const host = document.createElement("div")
  host.className = "shape-slider"
  host.innerHTML = `<div class="sliders">
    <label><span></span> <output></output>
      <input type="range" name="prediction" min="0" step="1"></label>
    <label><span></span> <output></output>
      <input type="range" name="target" min="0" step="1"></label></div>
    <div class="numbers" tabindex="0" role="region"><table>
    <thead><tr></tr></thead><tbody></tbody></table></div>`
  host.prediction = host.querySelector('[name="prediction"]')
  host.target = host.querySelector('[name="target"]')
  host.names = host.querySelector("thead tr")
  host.addEventListener("input", () => show(host))
  // A chart that was drawn anew has lost the place of the sliders.
  host.follow = (event) => follow(event.target, host.place)
  document.addEventListener("drawn", host.follow)
  parentElement.append(host)
  return host
}

function show(host) {
  const { x, targets, tables, axis, none } = host.shapes
  const index = Number(host.prediction.value)
  const rows = tables[Number(host.target.value)]
  const at = tell(host.prediction, x)
  const target = tell(host.target, targets)
  host.querySelector(".numbers").setAttribute("aria-label", `At ${axis} ${at}, target ${target}`)
  host.querySelector("tbody").replaceChildren(
    ...rows.map((each) => {
      const row = document.createElement("tr")
      const numbers = each.columns.map((values) => cell("td", number(values, index, none)))
      const name = cell("th", each.name, "row")
      name.prepend(line(each))
      row.append(name, ...numbers)
      return row
    }),
  )
  host.place = { x, index, rows }
  document
    .querySelectorAll('[data-testid="live-chart"]')
    .forEach((chart) => follow(chart, host.place))
}

// A chart of shapes has a line at the sliders' place and a mark on each of its curves: curves
// and marks take turns among its traces.
function follow(chart, { x, index, rows }) {
  const column = QUANTITIES.indexOf(chart.dataset.chart)
  if (column < 0 || !chart.data) return
  const size = chart.layout.yaxis.type === "log" ? Math.abs : (value) => value
  const lines = { x: [], y: [] }
  chart.data.forEach((trace, number) => {
    const values = rows.find((row) => row.name === trace.name)?.columns[column] ?? []
    const drawn = values.map((value) => (value === null ? null : size(value)))
    const isMark = number % 2
    lines.x.push(isMark ? [x[index]] : x)
    lines.y.push(isMark ? [drawn[index] ?? null] : drawn)
  })
  window.Plotly.update(chart, lines, { "shapes[0].x0": x[index], "shapes[0].x1": x[index] })
  chart.dataset.place = x[index]
}

function tell(slider, values) {
  const shown = String(Number(values[Number(slider.value)].toFixed(4)))
  slider.closest("label").querySelector("output").textContent = shown
  slider.setAttribute("aria-valuetext", shown)
  return shown
}

function number(values, index, none) {
  if (!values) return none
  return values[index] === null ? "–" : values[index].toFixed(4)
}

// The look of a loss's curve: the table is the legend of the charts.
function line({ color, dash }) {
  const host = document.createElement("span")
  host.innerHTML = `<svg aria-hidden="true"><line x2="100%" y1="50%" y2="50%" stroke-width="2"/>
    </svg>`
  const drawn = host.querySelector("line")
  drawn.setAttribute("stroke", color)
  drawn.setAttribute("stroke-dasharray", DASHES[dash])
  return host
}

function cell(tag, text, scope) {
  const element = document.createElement(tag)
  if (scope) element.scope = scope
  element.textContent = text
  return element
}
