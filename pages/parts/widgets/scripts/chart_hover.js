// Beside the pointer: what every line of a chart has at one x.

/** Follow the pointer over a chart whose figure says how its numbers are written. */
export function follow(box, host) {
  const hover = new Hover(box, host)
  for (const event of ["pointermove", "pointerdown"]) {
    box.addEventListener(event, (pointer) => hover.move(pointer))
  }
  box.addEventListener("pointerleave", ({ pointerType }) => pointerType === "mouse" && hover.hide())
  host.addEventListener("drawn", () => {
    hover.show()
    hover.mark(hover.moment)
  })
  return hover
}

class Hover {
  constructor(box, host) {
    this.host = host
    this.at = null
    this.line = element("div", "chart-hover-line")
    this.words = element("div", "chart-hover")
    this.words.setAttribute("role", "tooltip")
    this.cursor = element("div", "chart-cursor")
    for (const each of [this.line, this.words, this.cursor]) each.hidden = true
    box.append(this.line, this.words, this.cursor)
    this.away = ({ target }) => box.contains(target) || this.hide()
    document.addEventListener("pointerdown", this.away)
  }

  remove() {
    document.removeEventListener("pointerdown", this.away)
  }

  /** A line at a moment [step, epoch], where the chart's axis has it. */
  mark(moment) {
    this.moment = moment
    const { _size: size, xaxis } = this.host._fullLayout ?? {}
    const hover = this.host.chart.shown?.layout.meta?.hover
    const value = moment && hover && { step: moment[0], epoch: moment[1] }[hover.title]
    const place = value === undefined || value === null || !size ? NaN : xaxis.l2p(value)
    this.cursor.hidden = !(place >= -1 && place <= size?.w + 1)
    if (this.cursor.hidden) return
    const { l, t, h } = size
    Object.assign(this.cursor.style, { left: `${l + place}px`, top: `${t}px`, height: `${h}px` })
  }

  move(pointer) {
    // While a stretch is marked there is nothing to read.
    const isMarking = pointer.pointerType === "mouse" && pointer.buttons
    if (isMarking || pointer.target.closest(".chart-menu")) return this.hide()
    const { left, top } = this.host.getBoundingClientRect()
    this.at = { x: pointer.clientX - left, y: pointer.clientY - top }
    this.show()
  }

  hide() {
    this.at = null
    this.show()
  }

  show() {
    const read = this.at && reading(this.host, this.at)
    for (const each of [this.line, this.words]) each.hidden = !read
    if (!read) return
    const { l, t, w, h } = this.host._fullLayout._size
    Object.assign(this.line.style, { left: `${l + read.x}px`, top: `${t}px`, height: `${h}px` })
    this.words.replaceChildren(element("strong", "", read.title), ...read.lines.map(lineOf))
    const { offsetWidth: wide, offsetHeight: high } = this.words
    const isLeft = read.x > w / 2
    const x = isLeft ? l + read.x - wide - 8 : l + read.x + 8
    const room = this.host.offsetWidth - wide
    this.words.style.left = `${Math.max(0, Math.min(x, room))}px`
    this.words.style.top = `${Math.max(0, Math.min(t + h - high, this.at.y - high / 2))}px`
  }
}

function lineOf({ name, words, color }) {
  const line = element("div", "chart-hover-row")
  const mark = element("i")
  mark.style.background = color
  line.append(mark, element("span", "", name), element("b", "", words))
  return line
}

// The x nearest to the pointer at which a line has a point, and each line's value there.
function reading(host, { x: pixel, y: pixelY }) {
  const { data, layout } = host.chart.shown ?? {}
  const hover = layout?.meta?.hover
  const { _size: size, xaxis } = host._fullLayout ?? {}
  if (!hover || !size) return null
  const inside = pixel - size.l
  if (inside < 0 || inside > size.w || pixelY < size.t || pixelY > size.t + size.h) return null
  const lines = data.filter((trace) => trace.visible === true && trace.hoverinfo !== "skip")
  const onAxis = (x) => xaxis.l2p(xaxis.type === "log" ? Math.log10(x) : x)
  const x = nearest(lines, onAxis, inside, size.w)
  if (x === null) return null
  const read = lines.flatMap((trace) => {
    const found = valueAt(trace, x, xaxis.type, layout[axisOf(trace)].type)
    if (!found) return []
    const words = `${found.isRead ? "" : "≈ "}${written(found.value, hover[axisOf(trace)])}`
    return [{ name: plain(trace.name), words, color: trace.line?.color ?? trace.marker.color }]
  })
  return { x: onAxis(x), title: `${hover.title} ${written(x, hover.xaxis)}`, lines: read }
}

const axisOf = ({ yaxis }) => (yaxis === "y2" ? "yaxis2" : "yaxis")

function nearest(lines, onAxis, pixel, width) {
  let [best, least] = [null, Infinity]
  for (const { x, y } of lines) {
    for (let at = 0; at < x.length; at += 1) {
      const place = onAxis(x[at])
      const far = Math.abs(place - pixel)
      const isSeen = place >= -0.5 && place <= width + 0.5
      if (far < least && isSeen && Number.isFinite(y[at])) [best, least] = [x[at], far]
    }
  }
  return best
}

// What a trace has at x: a recorded value, or one read off its line between two; else null.
function valueAt({ type, x, y, width, mode, line }, at, xType, yType) {
  // Bins hold for as far as they are wide.
  if (type === "bar" || line?.shape === "hvh") {
    const half = (width ?? x[1] - x[0]) / 2
    const bin = x.findIndex((middle) => Math.abs(middle - at) <= half)
    return bin < 0 ? null : { value: y[bin], isRead: true }
  }
  const after = x.findIndex((each) => each >= at)
  if (after < 0 || !Number.isFinite(y[after])) return null
  if (x[after] === at) return { value: y[after], isRead: true }
  if (after === 0 || mode === "markers" || !Number.isFinite(y[after - 1])) return null
  const [scaledX, scaledY] = [scaleOf(xType), scaleOf(yType)]
  const [from, to] = [scaledX.on(x[after - 1]), scaledX.on(x[after])]
  const share = (scaledX.on(at) - from) / (to - from)
  const [begin, end] = [scaledY.on(y[after - 1]), scaledY.on(y[after])]
  return { value: scaledY.off(begin + share * (end - begin)), isRead: false }
}

const SCALES = {
  log: { on: Math.log10, off: (value) => 10 ** value },
  linear: { on: (value) => value, off: (value) => value },
}
const scaleOf = (type) => SCALES[type] ?? SCALES.linear

// A number as the figure wants it: with so many decimals, or so many digits that count.
function written(value, { decimals, digits, share }) {
  if (digits) return String(Number(value.toPrecision(digits)))
  const fixed = { minimumFractionDigits: decimals, maximumFractionDigits: decimals }
  return `${(share ? 100 * value : value).toLocaleString("en", fixed)}${share ? "%" : ""}`
}

// What a figure writes for the signs that Plotly would read: see ``literal`` in core/figures/drawing.py.
const WRITTEN = { "&lt;": "<", "&gt;": ">", "&amp;": "&", "&#37;": "%" }

/** A trace's name, which is HTML for Plotly, as a person reads it. */
export function plain(name) {
  return name.replace(/&(lt|gt|amp|#37);/g, (sign) => WRITTEN[sign])
}

function element(tag, name, words) {
  const made = document.createElement(tag)
  if (name) made.className = name
  if (words) made.textContent = words
  return made
}
