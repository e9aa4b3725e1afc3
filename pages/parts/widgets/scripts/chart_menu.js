// What a person can do with a chart: see it in full screen, take it along, see all of it again.

import { plain } from "./chart_hover.js"
import { axesOf, resetStretches } from "./chart_state.js"

// Pictures have this many pixels for one on the screen.
const PICTURE_SCALE = 2
// The arrays that say where a trace's points are.
const COORDINATES = { scatter: ["x", "y"], bar: ["x", "y"], scatterternary: ["a", "b", "c"] }

const ITEMS = [
  {
    title: "Full screen",
    isOffered: () => document.fullscreenEnabled,
    run: ({ box }) =>
      document.fullscreenElement ? document.exitFullscreen() : box.requestFullscreen(),
  },
  {
    title: "Whole range",
    isOffered: ({ layout }) => layout.meta,
    run: ({ frame }) => resetStretches(frame),
  },
  { title: "PNG picture", run: (chart) => picture(chart, "png") },
  { title: "SVG picture", run: (chart) => picture(chart, "svg") },
  { title: "CSV table", run: table },
  {
    title: "Address to embed",
    isOffered: ({ host }) => host.closest(".stage"),
    run: ({ host, frame }) => copy(embedAddress(host.closest(".stage"), frame)),
  },
]

// This chart alone, live, in the view that was picked.
function embedAddress(stage, { key }) {
  const { page, experiment } = stage.dataset
  const picked = JSON.parse(sessionStorage.getItem(`stage-${page}`) ?? "{}")
  const query = new URLSearchParams({ embed: 1, experiment, chart: key, ...picked })
  return `${location.origin}${location.pathname}?${query}`
}

// Where a page may not write to the clipboard, a person copies it.
async function copy(words) {
  try {
    await navigator.clipboard.writeText(words)
  } catch {
    window.prompt("Copy this address:", words)
  }
}

/**
 * A menu at the corner of a chart. `shown()` says what is drawn: {box, host, data, layout, frame},
 * or nothing.
 */
export function menuOf(shown) {
  const menu = document.createElement("details")
  menu.className = "chart-menu"
  const title = document.createElement("summary")
  title.textContent = "⋯"
  title.title = "More for this chart"
  title.setAttribute("aria-label", "More for this chart")
  const items = document.createElement("div")
  menu.append(title, items)
  const close = () => { menu.open = false }
  items.append(...ITEMS.map(({ title, run }) => {
    const button = document.createElement("button")
    button.textContent = title
    button.addEventListener("click", () => { close(), run(shown()) })
    return button
  }))
  // What a chart offers is known when it is drawn.
  menu.addEventListener("toggle", () => {
    const chart = shown()
    ITEMS.forEach(({ isOffered }, at) => {
      items.children[at].hidden = !chart || !(isOffered?.(chart) ?? true)
    })
  })
  menu.addEventListener("keydown", ({ key }) => {
    if (key !== "Escape" || !menu.open) return
    close()
    title.focus()
  })
  return menu
}

// A menu closes when something else is clicked.
document.addEventListener("click", ({ target }) => {
  for (const menu of document.querySelectorAll(".chart-menu[open]")) {
    if (!menu.contains(target)) menu.open = false
  }
})

// A chart has no background of its own, and its letters are made for the page's.
function picture({ host, data, layout, frame }, format) {
  const { offsetWidth: width, offsetHeight: height } = host
  const paper_bgcolor = frame.theme.background
  const figure = { data, layout: { ...layout, paper_bgcolor } }
  const filename = nameOf(frame)
  window.Plotly.downloadImage(figure, { format, width, height, filename, scale: PICTURE_SCALE })
}

// ------------------------------------------------------------------ tables

// Every point that is drawn, with the trace that it belongs to.
function table({ data, layout, frame }) {
  const [lower, upright] = axesOf(layout).slice(0, 2).map((axis) => layout[axis].title?.text)
  const titles = [layout.meta?.hover?.title ?? lower, upright?.replaceAll("<br>", " ")]
  const isMap = data.some(({ type }) => type === "heatmap")
  const isTernary = data.some(({ type }) => type === "scatterternary")
  const head = isTernary
    ? ["line", "a", "b", "c", "value"]
    : ["line", titles[0] || "x", titles[1] || "y", ...(isMap ? ["value"] : [])]
  const rows = data.filter(({ mode }) => mode !== "text").flatMap((trace) => rowsOf(trace))
  const text = [head, ...rows].map((row) => row.map(cell).join(",")).join("\r\n")
  const link = document.createElement("a")
  link.href = URL.createObjectURL(new Blob(["\ufeff", text, "\r\n"], { type: "text/csv" }))
  link.download = `${nameOf(frame)}.csv`
  link.click()
  URL.revokeObjectURL(link.href)
}

function rowsOf(trace) {
  const name = plain(trace.name)
  if (trace.type === "heatmap") return cellsOf(trace, name)
  const arrays = COORDINATES[trace.type].map((key) => trace[key])
  if (trace.type === "scatterternary") arrays.push(trace.marker.color)
  return Array.from(arrays[0], (_, at) => [name, ...arrays.map((values) => values[at])])
}

function cellsOf({ x, y, x0, dx, y0, dy, z, customdata }, name) {
  return z.flatMap((row, down) => Array.from(row, (value, along) => [
    name,
    x?.[along] ?? x0 + along * dx,
    y?.[down] ?? y0 + down * dy,
    customdata?.[down][along] ?? value,
  ]))
}

// A spreadsheet would run what begins like a formula.
function cell(value) {
  if (typeof value === "number") return Number.isFinite(value) ? shortest(value) : ""
  const words = /^[=+\-@\t]/.test(value) ? `'${value}` : value.replaceAll("<br>", " ")
  return /[",\r\n]/.test(words) ? `"${words.replaceAll('"', '""')}"` : words
}

// The fewest digits that give the number back, which may have been rounded to 32 bits.
function shortest(value) {
  if (Math.fround(value) !== value) return value
  const counts = [6, 7, 8, 9]
  const digits = counts.find((count) => Math.fround(value.toPrecision(count)) === value)
  return Number(value.toPrecision(digits))
}

const nameOf = ({ label }) => label.replace(/[^\p{L}\p{N}]+/gu, "_").replace(/^_|_$/g, "")
