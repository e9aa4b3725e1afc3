// Charts: each a <div> that stays mounted and is redrawn whenever a new figure arrives.

// The buttons are named because Plotly's own choice has one that uploads the chart's data.
const CONFIG = {
  displaylogo: false,
  showTips: false,
  plotlyServerURL: "",
  modeBarButtons: [["toImage"], ["zoom2d", "pan2d"], ["resetScale2d"]],
}
const HEIGHT_WHILE_UNKNOWN = 300
// So far from what is in sight, a chart is drawn too.
const NEAR = "100px"
// While a training runs, its charts are drawn for at most a fifth of the time, so that a slow
// browser hears clicks: after each drawing comes a rest of so many times as long. The browser's
// own work for it, layout and paint, takes about as long again.
const REST = 4
let restsUntil = 0
// Charts take turns, and plotly.js is loaded once, however many there are.
let turn = Promise.resolve()
let loading = null

/** Draw a frame in a chart: {figure, key, label, steps, status, height, source}. */
export function draw(host, frame) {
  host.style.height = `${frame.height ?? HEIGHT_WHILE_UNKNOWN}px`
  host.dataset.chart = frame.key
  host.setAttribute("aria-label", frame.label)
  host.chart.newest = { ...frame, theme: readTheme(host) }
  host.toggleAttribute("data-to-begin", isToBegin(frame))
  if (!goesOn(host.chart)) host.chart.wake?.()
  drawNewest(host)
  // A page that is just being built may not have its colours yet.
  if (!host.chart.newest.theme.border) {
    requestAnimationFrame(() => host.chart.newest?.figure === frame.figure && draw(host, frame))
  }
}

/** Fetch plotly.js and draw once out of sight, before there is anything to draw. */
export function preload(source) {
  loadPlotly(source).then(warmUp).catch(() => {})
}

/** A new chart in an element. */
export function mount(parentElement) {
  const host = document.createElement("div")
  host.dataset.testid = "live-chart"
  host.setAttribute("role", "figure")
  host.style.width = "100%"
  const observer = new ResizeObserver(() => {
    if (host.chart.drawn && host.offsetWidth) window.Plotly.Plots.resize(host)
  })
  // What is out of sight is drawn when it comes near.
  const sight = new IntersectionObserver((entries) => {
    host.chart.inSight = entries.at(-1).isIntersecting
    drawNewest(host)
  }, { rootMargin: NEAR })
  host.chart = { newest: null, drawn: null, busy: false, held: false, inSight: true, observer, sight }
  parentElement.append(host)
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
    host.chart.held = false
    drawNewest(host)
  }
  window.addEventListener("pointerup", release)
  window.addEventListener("pointercancel", release)
}

/** Take a chart out of the page for good. */
export function unmount(host) {
  host.chart.observer.disconnect()
  host.chart.sight.disconnect()
  host.chart.newest = null
  // Plotly cannot lose its element midway through a drawing; that purges when it is done.
  if (!host.chart.busy) window.Plotly?.purge(host)
  host.remove()
}

// Frames that arrive while one is drawing replace each other; the newest is drawn next.
async function drawNewest(host) {
  const chart = host.chart
  if (chart.busy || !chart.newest) return
  chart.busy = true
  try {
    const Plotly = await loadPlotly(chart.newest.source)
    while (isDue(chart)) {
      const rest = goesOn(chart) ? restsUntil - performance.now() : 0
      if (rest > 0) await wakened(chart, rest)
      else await inTurn(() => isDue(chart) && redraw(Plotly, host, chart.newest))
    }
  } catch (error) {
    console.error(error)
    host.textContent = "The chart could not be drawn. Reload the page to try again."
  } finally {
    chart.busy = false
    if (!chart.newest) window.Plotly?.purge(host)
  }
}

const isDue = (chart) => chart.newest && chart.newest !== chart.drawn && !waits(chart)

// What is out of sight follows a training when it comes in sight, or when the training rests.
// An empty chart is not worth a drawing that delays the first one with something to see.
const waits = (chart) =>
  chart.held || (!chart.inSight && goesOn(chart)) || (!chart.drawn && isToBegin(chart.newest))

const isToBegin = ({ steps, status }) => !steps && ["queued", "running"].includes(status)

// Whether there is something to see already, and soon there will be more.
const goesOn = ({ drawn, newest }) => drawn?.steps > 0 && newest?.status === "running"

// After so long, or when there is something that does not wait.
const wakened = (chart, milliseconds) => new Promise((wake) => {
  chart.wake = wake
  setTimeout(wake, milliseconds)
})

// Between two the browser shows what is drawn and hears clicks.
function inTurn(work) {
  const done = turn.then(work)
  turn = done.catch(() => {}).then(shown)
  return done
}

const shown = () => new Promise((go) => { requestAnimationFrame(() => setTimeout(go)) })

async function redraw(Plotly, host, frame) {
  const drawn = host.chart.drawn
  if (!drawn || frame.figure !== drawn.figure || !sameTheme(frame.theme, drawn.theme)) {
    const { data, layout } = whole(frame.figure)
    const begin = performance.now()
    await Plotly.react(host, data, themed(layout, frame.theme), CONFIG)
    const end = performance.now()
    if (goesOn(host.chart)) restsUntil = Math.max(restsUntil, end) + REST * (end - begin)
    host.dataset.traces = data.length
  }
  host.chart.drawn = frame
  // What belongs to the page, such as a mark that a slider moves, is put on top by who hears this.
  host.dispatchEvent(new CustomEvent("drawn", { bubbles: true }))
  host.dataset.steps = frame.steps
  host.dataset.status = frame.status
}

// Where traces stand at the same places, the first alone has them.
function whole({ data, layout }) {
  const given = (trace) => trace.x?.of === undefined
  return { layout, data: data.map((t) => given(t) ? t : { ...t, x: data[t.x.of].x }) }
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

// The first drawing costs three times the next; this one, out of sight, is nobody's to wait for.
async function warmUp(Plotly) {
  await new Promise((idle) => (window.requestIdleCallback ?? setTimeout)(idle))
  const host = document.createElement("div")
  host.style = "position: fixed; left: -2000px; width: 600px; height: 300px"
  document.body.append(host)
  const line = { x: [1, 2, 3], y: [1, 3, 2], mode: "lines" }
  await Plotly.react(host, [line, { ...line, y: [2, 1, 3], mode: "lines+markers" }], {}, CONFIG)
  await Plotly.react(host, [line], {}, CONFIG)
  Plotly.purge(host)
  host.remove()
}

function readTheme(host) {
  const style = getComputedStyle(host)
  const read = (name) => style.getPropertyValue(`--st-${name}`).trim()
  return {
    text: read("text-color"),
    background: read("background-color"),
    border: read("border-color"),
    grid: read("border-color-light"),
    accent: read("primary-color"),
    font: read("font"),
  }
}

const sameTheme = (a, b) => Object.keys(a).every((name) => a[name] === b[name])

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
    ...Object.fromEntries(axes.map((name) => [name, { ...layout[name], ...lines }])),
    hoverlabel: { bgcolor: theme.background, bordercolor: theme.border, font },
    modebar: { bgcolor: "rgba(0,0,0,0)", color: theme.border, activecolor: theme.accent },
  }
}
