// Charts: each a <div> that stays mounted and is redrawn whenever a new figure arrives.

import { follow } from "./chart_hover.js"
import { labelled } from "./chart_labels.js"
import { menuOf } from "./chart_menu.js"
import * as states from "./chart_state.js"

// A chart has a menu of its own, and what a double click does is kept for all charts.
const CONFIG = { displayModeBar: false, doubleClick: false, showTips: false, plotlyServerURL: "" }
const HEIGHT_WHILE_UNKNOWN = 300
// So far from what is in sight, a chart is drawn too.
const NEAR = "100px"
// While a training runs, its charts are drawn for at most a sixth of the time, so that a slow
// browser hears clicks: after each drawing comes a rest of so many times as long. The browser's
// own work for it, layout and paint, takes about as long again.
const REST = 5
// A chart of points takes long to draw and changes little from frame to frame.
const POINTS_MS = 1500
let restsUntil = 0
// So long after a drawing the browser has heard what was clicked meanwhile.
const REST_TO_HEAR_MS = 50
// Charts take turns, and plotly.js is loaded once, however many there are.
let turn = Promise.resolve()
let turnEnded = 0
let loading = null

/** Draw a frame in a chart: {figure, key, label, steps, status, height, source}; without a rest
 * where it `isUrgent`. */
export function draw(host, frame, isUrgent = false) {
  host.style.height = `${frame.height ?? HEIGHT_WHILE_UNKNOWN}px`
  host.dataset.chart = frame.key
  host.setAttribute("aria-label", frame.label)
  host.chart.newest = { ...frame, theme: readTheme(host) }
  host.toggleAttribute("data-to-begin", isToBegin(frame))
  host.chart.isUrgent ||= isUrgent
  if (!goesOn(host.chart) || isUrgent) host.chart.wake?.()
  drawNewest(host)
  // A page that is just being built may not have its colours yet.
  if (!host.chart.newest.theme.border) {
    requestAnimationFrame(() => host.chart.newest?.figure === frame.figure && draw(host, frame))
  }
}

/** Have plotly.js loaded while the first frame is on its way. */
export function prepare(source) {
  loadPlotly(source).catch(() => {})
}

/** Have the browser show what was written before the next chart is drawn. */
export function letShow() {
  turn = turn.then(shown)
}

/** Until what has been asked for is drawn. */
export async function settled() {
  await shown()
  await turn
}

/** Put the cursors of all charts in an element where a moment [step, epoch] is; null for nowhere. */
export function mark(element, moment) {
  for (const host of element.querySelectorAll('[data-testid="live-chart"]')) {
    host.chart.hover.mark(moment)
  }
}

/** A new chart in an element. */
export function mount(parentElement) {
  const box = document.createElement("div")
  box.className = "chart-box"
  const host = document.createElement("div")
  host.dataset.testid = "live-chart"
  host.setAttribute("role", "figure")
  host.style.width = "100%"
  const observer = new ResizeObserver(() => {
    const { drawn, size } = host.chart
    if (drawn && host.offsetWidth && sizeOf(host) !== size) drawAtOnce(host)
  })
  // What is out of sight is drawn when it comes near.
  const sight = new IntersectionObserver((entries) => {
    host.chart.inSight = entries.at(-1).isIntersecting
    drawNewest(host)
  }, { rootMargin: NEAR })
  const forget = states.onChange((scope) => {
    if (scope === host.chart.newest?.figure.layout.meta?.scope) drawAtOnce(host)
  })
  host.chart = {
    newest: null, drawn: null, shown: null, clearings: 0, listens: false,
    busy: false, held: false, inSight: true, isUrgent: false,
    observer, sight, forget, hover: follow(box, host),
  }
  const menu = menuOf(() => {
    const { shown, drawn: frame } = host.chart
    return shown && { box, host, frame, ...shown }
  })
  box.append(host, menu)
  parentElement.append(box)
  observer.observe(host)
  sight.observe(host)
  // A redrawing would break off the zoom that is being dragged; it waits for the release.
  host.addEventListener("pointerdown", (event) => {
    if (event.pointerType === "mouse") hold(host)
  })
  return host
}

function hold(host) {
  host.chart.held = true
  const release = () => {
    window.removeEventListener("pointerup", release)
    window.removeEventListener("pointercancel", release)
    // Plotly hears of the release after this.
    setTimeout(() => {
      host.chart.held = false
      drawNewest(host)
    })
  }
  window.addEventListener("pointerup", release)
  window.addEventListener("pointercancel", release)
}

const sizeOf = (host) => `${host.offsetWidth} ${host.offsetHeight}`

// What a person did is seen without a rest.
function drawAtOnce(host) {
  host.chart.isUrgent = true
  host.chart.wake?.()
  drawNewest(host)
}

/** Forget what a chart shows, and keep it: drawing it anew is quicker than making another. */
export function clear(host) {
  Object.assign(host.chart, { newest: null, drawn: null, shown: null })
  host.chart.clearings += 1
  host.toggleAttribute("data-cleared", true)
  delete host.dataset.steps
  delete host.dataset.status
}

/** Take a chart out of the page for good. */
export function unmount(host) {
  host.chart.observer.disconnect()
  host.chart.sight.disconnect()
  host.chart.forget()
  host.chart.hover.remove()
  host.chart.newest = null
  // Plotly cannot lose its element midway through a drawing; that purges when it is done.
  if (!host.chart.busy) window.Plotly?.purge(host)
  host.parentElement?.remove()
}

// Frames that arrive while one is drawing replace each other; the newest is drawn next.
async function drawNewest(host) {
  const chart = host.chart
  if (chart.busy || !chart.newest) return
  chart.busy = true
  try {
    const Plotly = await loadPlotly(chart.newest.source)
    while (isDue(chart)) {
      const rest = goesOn(chart) && !chart.isUrgent ? restsUntil - performance.now() : 0
      if (rest > 0) await wakened(chart, rest)
      else await inTurn(() => isDue(chart) && redraw(Plotly, host, chart.newest), goesOn(chart))
    }
  } catch (error) {
    console.error(error)
    host.textContent = "The chart could not be drawn. Reload the page to try again."
  } finally {
    chart.busy = false
    if (!host.isConnected) window.Plotly?.purge(host)
  }
}

const isDue = (chart) =>
  chart.newest && (chart.newest !== chart.drawn || chart.isUrgent) && !waits(chart)

// What is out of sight follows a training when it comes in sight, or when the training rests.
// An empty chart is not worth a drawing that delays the first one with something to see.
const waits = (chart) =>
  chart.held || (goesOn(chart) && !chart.isUrgent && (!chart.inSight || isSlow(chart)))
  || (!chart.drawn && isToBegin(chart.newest))

const isSlow = ({ newest, drawnAt }) =>
  !newest.figure.layout.meta?.hover && performance.now() - drawnAt < POINTS_MS

const isToBegin = ({ steps, status }) => !steps && ["queued", "running"].includes(status)

// Whether there is something to see already, and soon there will be more.
const goesOn = ({ drawn, newest }) => drawn?.steps > 0 && newest?.status === "running"

// After so long, or when there is something that does not wait.
const wakened = (chart, milliseconds) => new Promise((wake) => {
  chart.wake = wake
  setTimeout(wake, milliseconds)
})

// After each the browser hears clicks, and before one that can wait it shows what is drawn.
function inTurn(work, canWait) {
  const done = turn.then(canWait ? shown : heard).then(work).finally(() => {
    turnEnded = performance.now()
  })
  turn = done.catch(() => {})
  return done
}

const heard = () => new Promise((go) => {
  if (performance.now() - turnEnded > REST_TO_HEAR_MS) go()
  else setTimeout(go)
})
const shown = () => new Promise((go) => { requestAnimationFrame(() => setTimeout(go)) })

async function redraw(Plotly, host, frame) {
  const { drawn, isUrgent, clearings } = host.chart
  if (!drawn || isUrgent || frame.figure !== drawn.figure || !sameTheme(frame.theme, drawn.theme)) {
    host.chart.isUrgent = false
    host.chart.size = sizeOf(host)
    const { data, layout } = (host.chart.shown = prepared(host, frame))
    const begin = performance.now()
    await Plotly.react(host, data, layout, CONFIG)
    const end = performance.now()
    if (goesOn(host.chart)) restsUntil = Math.max(restsUntil, end) + REST * (end - begin)
    if (!host.chart.listens) listen(host)
    // While it was drawn, what it shows may have been given up.
    if (clearings !== host.chart.clearings) return
    host.removeAttribute("data-cleared")
    host.chart.drawnAt = end
    host.dataset.traces = data.length
  }
  host.chart.drawn = frame
  // What belongs to the page, such as a mark that a slider moves, is put on top by who hears this.
  host.dispatchEvent(new CustomEvent("drawn", { bubbles: true }))
  host.dataset.steps = frame.steps
  host.dataset.status = frame.status
}

// What is drawn of a frame: all its numbers, as the person set the chart, in the page's colours.
function prepared(host, { figure, key, theme }) {
  const { data, layout } = states.asSet(whole(figure), key)
  const { offsetWidth, offsetHeight } = host
  const scale = scaleOf(host)
  const { annotations, room } = labelled({ data, layout }, offsetWidth, offsetHeight, theme, scale)
  const margin = { ...layout.margin, r: Math.max(layout.margin.r, room) }
  const written = [...(layout.annotations ?? []), ...annotations]
  const made = { data, layout: themed({ ...layout, margin, annotations: written }, theme) }
  return scale === 1 ? made : enlarged(made, scale)
}

// How many times as large letters and lines are: the style sheet says it where a chart is presented.
const scaleOf = (host) => Number(getComputedStyle(host).getPropertyValue("--chart-scale")) || 1

// What is read from the back of a room: letters, lines and marks, and the room above for the legend.
function enlarged({ data, layout }, scale) {
  const times = (value) => scale * value
  const font = ({ size, ...rest }) => (size ? { ...rest, size: times(size) } : rest)
  const axes = Object.keys(layout).filter((name) => /^[xy]axis/.test(name))
  const axis = ({ title, ...rest }) =>
    ({ ...rest, ...(title && { title: { ...title, font: font(title.font ?? {}) } }) })
  return {
    data: data.map((trace) => ({
      ...trace,
      ...(trace.line?.width && { line: { ...trace.line, width: times(trace.line.width) } }),
      ...(trace.textfont && { textfont: font(trace.textfont) }),
      ...(trace.marker?.size && { marker: { ...trace.marker, size: times(trace.marker.size) } }),
    })),
    layout: {
      ...layout,
      font: font(layout.font),
      margin: { ...layout.margin, t: times(layout.margin.t) },
      ...(layout.title && { title: { ...layout.title, font: font(layout.title.font ?? {}) } }),
      shapes: (layout.shapes ?? []).map(({ label, ...rest }) =>
        ({ ...rest, ...(label && { label: { ...label, font: font(label.font ?? {}) } }) })),
      annotations: layout.annotations.map((each) =>
        ({ ...each, ...(each.font && { font: font(each.font) }) })),
      ...Object.fromEntries(axes.map((name) => [name, axis(layout[name])])),
    },
  }
}

// Where traces stand at the same places, the first alone has them.
function whole({ data, layout }) {
  const places = data.map(({ x }) => decoded(x))
  const all = data.map((trace, at) => {
    const made = { ...trace }
    for (const name of ["y", "z", "a", "b", "c"]) if (trace[name]) made[name] = decoded(trace[name])
    if (trace.x) made.x = places[trace.x.of ?? at]
    if (trace.marker) made.marker = { ...trace.marker, color: decoded(trace.marker.color) }
    return made
  })
  return { layout, data: all }
}

const ARRAYS = {
  f4: Float32Array, f8: Float64Array, i1: Int8Array, i2: Int16Array, i4: Int32Array,
  u1: Uint8Array, u2: Uint16Array, u4: Uint32Array,
}

// The numbers of {dtype, bdata, shape}; anything else as it is.
function decoded(values) {
  if (values?.bdata === undefined) return values
  const bytes = Uint8Array.from(atob(values.bdata), (letter) => letter.charCodeAt(0))
  const numbers = new ARRAYS[values.dtype](bytes.buffer)
  if (!values.shape) return numbers
  const [rows, columns] = values.shape.split(",").map(Number)
  return Array.from({ length: rows }, (_, row) =>
    numbers.subarray(row * columns, (row + 1) * columns))
}

// Keep what a person does with the chart: a stretch marked, a line hidden, a double click.
function listen(host) {
  host.chart.listens = true
  const isKept = () => host.chart.drawn.figure.layout.meta
  host.on("plotly_relayout", (changed) => {
    const ranges = states.axesOf(host.layout).flatMap((axis) => {
      // By now the chart may have been drawn again, without what was done.
      const ends = [0, 1].map((end) => changed[`${axis}.range[${end}]`])
      if (ends.every((end) => end === undefined)) return []
      return [[axis, ends.map((end, at) => end ?? host.layout[axis].range[at])]]
    })
    if (ranges.length && isKept()) states.keepStretches(host.chart.drawn, Object.fromEntries(ranges))
  })
  host.on("plotly_doubleclick", () => isKept() && states.resetStretches(host.chart.drawn))
  host.on("plotly_restyle", ([changed]) => {
    if (!("visible" in changed) || !isKept()) return
    const namesOf = (traces) => [...new Set(traces.map(states.nameOf))]
    const hidden = host.data.filter(({ visible }) => visible === "legendonly")
    states.hide(isKept().scope, namesOf(host.data), namesOf(hidden))
  })
}

function loadPlotly(source) {
  loading ??= new Promise((resolve, reject) => {
    const script = document.createElement("script")
    script.src = source
    script.onload = () => resolve(window.Plotly)
    script.onerror = () => reject(new Error(`${source} did not load`))
    document.head.append(script)
  })
  return loading
}

// To read the colours has the browser work out all styles, so it is done once for all that is
// written to the page in a row, and best before.
let theme = null

/** The page's colours and font, of an element that has them. */
export function readTheme(host) {
  if (theme?.border) return theme
  const style = getComputedStyle(host)
  const read = (name) => style.getPropertyValue(`--st-${name}`).trim()
  queueMicrotask(() => { theme = null })
  return theme = {
    text: read("text-color"),
    background: read("background-color"),
    border: read("border-color"),
    grid: read("border-color-light"),
    font: read("font"),
  }
}

const sameTheme = (a, b) => Object.keys(a).every((name) => a[name] === b[name])

// Of a few decades Plotly writes every digit, 9 beside 10, and of less than one often none.
function ticksOf({ type, range, dtick }) {
  if (type !== "log" || !range || dtick) return {}
  const span = range[1] - range[0]
  if (span > 0.5) return span < 2.5 ? { dtick: "D2" } : {}
  const rough = (10 ** range[1] - 10 ** range[0]) / 4
  const power = 10 ** Math.floor(Math.log10(rough))
  return { dtick: `L${[1, 2, 5, 10].find((digit) => digit * power >= rough) * power}` }
}

function themed(layout, theme) {
  const font = { ...layout.font, color: theme.text, family: theme.font }
  const lines = { gridcolor: theme.grid, linecolor: theme.border, tickcolor: theme.border }
  const axes = Object.keys(layout).filter((name) => /^[xy]axis/.test(name))
  const touch = window.matchMedia("(pointer: coarse)").matches
  return {
    ...layout,
    font,
    autosize: true,
    // A finger on the chart scrolls the page; a mouse zooms.
    dragmode: touch ? false : "zoom",
    ...Object.fromEntries(
      axes.map((name) => [name, { ...layout[name], ...lines, ...ticksOf(layout[name]) }])),
    hoverlabel: { bgcolor: theme.background, bordercolor: theme.border, font },
  }
}
