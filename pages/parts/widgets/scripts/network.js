// A network drawn from left to right: each unit as the map of what it gives over the plane, and
// between units lines as wide as their weights are large.

// From below 0 by nothing to above it, as the surfaces have it: byte 0, 128 and 255.
const LOW = [59, 111, 182]
const NONE = [242, 242, 242]
const HIGH = [217, 130, 43]
const SVG = "http://www.w3.org/2000/svg"
const WIDEST = 4
const GAP = 4
const LARGEST_UNIT = 30
const LARGEST_OUTPUT = 92

/** The view of a block of kind network; see core/live/blocks.py. */
export class Network {
  constructor() {
    this.host = document.createElement("div")
    this.host.className = "network"
    this.host.setAttribute("role", "img")
    this.lines = document.createElementNS(SVG, "svg")
    this.lines.setAttribute("aria-hidden", "true")
    this.units = document.createElement("div")
    this.zoomed = document.createElement("figure")
    this.zoomed.className = "network-zoom"
    this.host.append(this.lines, this.units, this.zoomed)
    this.at = null
    this.observer = new ResizeObserver(() => this.draw())
    this.observer.observe(this.host)
    for (const event of ["pointerover", "pointerdown"]) {
      this.host.addEventListener(event, ({ target }) => this.point(target))
    }
    this.host.addEventListener("pointerleave", () => this.point(this.host))
  }

  update(block) {
    this.block = block
    this.host.setAttribute("aria-label", block.label)
    this.draw()
  }

  remove() {
    this.observer.disconnect()
    this.host.remove()
  }

  draw() {
    const { block } = this
    const [width, height] = [this.host.clientWidth, this.host.clientHeight]
    if (!block || !width) return
    this.places = placesOf(block, width, height)
    this.lines.setAttribute("viewBox", `0 0 ${width} ${height}`)
    this.lines.replaceChildren(...linesOf(block, this.places))
    const known = [...this.units.querySelectorAll("canvas")]
    const drawn = block.layers.flatMap(({ maps }, column) =>
      maps.map((map, row) =>
        unitOf(known.shift(), map, block.layers[column], this.places[column][row], column, row)))
    const titles = block.layers.map(({ title }, column) =>
      titleOf(title, this.places[column], height))
    this.units.replaceChildren(...drawn, ...titles)
    this.enlarge()
  }

  // The unit under the pointer is shown large, with its name, and its lines alone are in full.
  point(target) {
    if (this.zoomed.contains(target)) return
    const { column, row } = target.closest?.("canvas")?.dataset ?? {}
    this.at = column === undefined ? null : { column: Number(column), row: Number(row) }
    this.enlarge()
  }

  enlarge() {
    const { at } = this
    this.zoomed.hidden = !at
    const name = at && `${at.column} ${at.row}`
    for (const path of this.lines.children) {
      const isOthers = at && path.dataset.from !== name && path.dataset.to !== name
      path.classList.toggle("faint", Boolean(isOthers))
    }
    if (!at) return
    const { maps, names, ...layer } = this.block.layers[at.column]
    const canvas = this.zoomed.querySelector("canvas") ?? document.createElement("canvas")
    paint(canvas, maps[at.row], layer)
    const words = document.createElement("figcaption")
    words.textContent = names[at.row]
    this.zoomed.replaceChildren(canvas, words)
    // On the other side, so that what is pointed at stays in sight.
    const isRight = this.places[at.column][at.row].x < this.host.clientWidth / 2
    this.zoomed.style.left = isRight ? "auto" : "0"
    this.zoomed.style.right = isRight ? "0" : "auto"
  }
}

function unitOf(known, map, layer, { x, y, size: side }, column, row) {
  const canvas = known ?? document.createElement("canvas")
  const place = { left: `${x}px`, top: `${y}px`, width: `${side}px`, height: `${side}px` }
  Object.assign(canvas.style, place)
  Object.assign(canvas.dataset, { column, row })
  paint(canvas, map, layer)
  return canvas
}

// Where each unit is, by layer: {x, y, size}; columns are as far apart as there is room for.
function placesOf({ layers }, width, height) {
  const room = width / layers.length
  const output = Math.min(LARGEST_OUTPUT, width * 0.3, height - 24)
  const inner = (width - output) / (layers.length - 1)
  const most = Math.max(...layers.map(({ maps }) => maps.length))
  const unit = Math.min(LARGEST_UNIT, inner * 0.62, room, (height - 24) / most - GAP)
  return layers.map(({ maps }, column) => {
    const size = column === layers.length - 1 ? output : unit
    const x = column === layers.length - 1 ? width - output : column * inner
    const top = (height - 20 - maps.length * (size + GAP)) / 2
    return maps.map((_, row) => ({ x, y: top + row * (size + GAP), size }))
  })
}

function titleOf(title, places, height) {
  const words = document.createElement("span")
  words.textContent = title
  const [{ x, size }] = places
  Object.assign(words.style, { left: `${x + size / 2}px`, top: `${height - 16}px` })
  return words
}

function linesOf({ weights }, places) {
  const largest = Math.max(...weights.flat(2).map(Math.abs)) || 1
  return weights.flatMap((table, column) =>
    table.flatMap((row, to) =>
      row.map((weight, from) => {
        const [begin, end] = [places[column][from], places[column + 1][to]]
        const [x1, y1] = [begin.x + begin.size, begin.y + begin.size / 2]
        const [x2, y2] = [end.x, end.y + end.size / 2]
        const middle = (x1 + x2) / 2
        const path = document.createElementNS(SVG, "path")
        path.setAttribute("d", `M${x1} ${y1} C${middle} ${y1} ${middle} ${y2} ${x2} ${y2}`)
        path.setAttribute("stroke", `rgb(${weight < 0 ? LOW : HIGH})`)
        path.setAttribute("stroke-width", (WIDEST * Math.abs(weight)) / largest)
        Object.assign(path.dataset, { from: `${column} ${from}`, to: `${column + 1} ${to}` })
        return path
      })))
}

function paint(canvas, map, { size, colors, shades }) {
  if (canvas.map === map) return
  canvas.map = map
  canvas.width = canvas.height = size
  const bytes = atob(map)
  const image = new ImageData(size, size)
  for (let row = 0; row < size; row += 1) {
    for (let column = 0; column < size; column += 1) {
      // Rows of a map begin with the lowest, those of a picture with the highest.
      const value = bytes.charCodeAt((size - 1 - row) * size + column)
      image.data.set([...colorOf(value, colors, shades), 255], 4 * (row * size + column))
    }
  }
  canvas.getContext("2d").putImageData(image, 0, 0)
}

const channels = (color) => [1, 3, 5].map((at) => parseInt(color.slice(at, at + 2), 16))

// Of 0 to 255 from below 0 to above it, or of shades of each of the colours.
function colorOf(value, colors, shades) {
  const share = colors ? (value % shades) / (shades - 1) : Math.min(1, Math.abs(value - 128) / 127)
  const end = colors ? channels(colors[Math.floor(value / shades)]) : value < 128 ? LOW : HIGH
  return NONE.map((channel, at) => Math.round(channel + share * (end[at] - channel)))
}

/** The view of a block of kind pictures: grey ones, as dark as their numbers are large. */
export class Pictures {
  constructor() {
    this.host = document.createElement("div")
    this.host.className = "pictures"
  }

  update({ pictures, size: [height, width] }) {
    this.host.replaceChildren(...pictures.map(([bytes, title]) => {
      const figure = document.createElement("figure")
      const canvas = document.createElement("canvas")
      const words = document.createElement("figcaption")
      Object.assign(canvas, { width, height })
      const image = new ImageData(width, height)
      const numbers = atob(bytes)
      for (let at = 0; at < height * width; at += 1) image.data[4 * at + 3] = numbers.charCodeAt(at)
      canvas.getContext("2d").putImageData(image, 0, 0)
      words.textContent = title
      figure.append(canvas, words)
      return figure
    }))
  }

  remove() {
    this.host.remove()
  }
}
