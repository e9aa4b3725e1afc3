// Labels at the ends of lines, spread so that none covers another.

import { plain } from "./chart_hover.js"

const FONT_SIZE = 12
const LINE_HEIGHT = 17
// A dash in the line's colour stands before the words. A leader from the line's end would be an
// arrow for Plotly, which takes a third of the drawing.
const DASH = "━ "
const GAP = 4
// What the lower axis takes of the height: its numbers, and each line of its title.
const NUMBERS_HEIGHT = 26
const NARROW = 480
// Labels take at most this share of the width from the plot.
const MOST_ROOM = 0.3

let pen = null

/**
 * Annotations for the lines of a figure that have a label, and the room that they need at the
 * right: {annotations, room}. A chart that has no room for all of them has none. The room is for
 * letters `scale` times as large.
 */
export function labelled({ data, layout }, width, height, { font, background }, scale = 1) {
  const lines = data.filter((trace) => trace.meta?.label && trace.visible === true)
  if (width < NARROW * scale || !lines.length) return none
  // Behind the lines there may be longer ones, of another run.
  const seen = data.filter(({ x, visible }) => x?.length && visible === true)
  const across = layout.xaxis.range ?? [0, Math.max(...seen.map(({ x }) => x.at(-1)))]
  const up = layout.yaxis.range ?? extent(seen, layout.yaxis.type)
  const isLog = layout.yaxis.type === "log"
  const ends = lines.map((trace) => endOf(trace, across, up, isLog)).filter((end) => end)
  const plot = height - layout.margin.t - layout.margin.b - scale * below(layout)
  if (!ends.length || ends.length * LINE_HEIGHT * scale > plot) return none
  ends.sort((a, b) => a.at - b.at)
  const wanted = ends.map(({ at }) => at * plot)
  const places = spreadOut(wanted, LINE_HEIGHT * scale, plot)
  const annotations = ends.map((end, index) => ({
    ...label(end, places[index] - wanted[index]), bgcolor: background,
  }))
  const room = GAP + 4 + Math.max(...ends.map(({ text }) => scale * wide(DASH + plain(text), font)))
  return room <= MOST_ROOM * width ? { annotations, room } : none
}

const below = ({ xaxis }) =>
  NUMBERS_HEIGHT + LINE_HEIGHT * (xaxis.title?.text ?? "").split("<br>").length

const none = { annotations: [], room: 0 }

// The last point of a line that is in sight, as shares of the two axes.
function endOf({ x, y, line, meta }, [left, right], [low, high], isLog) {
  let last = x.length - 1
  while (last >= 0 && !(Number.isFinite(y[last]) && x[last] <= right)) last -= 1
  if (last < 0) return null
  const along = (x[last] - left) / (right - left)
  const at = ((isLog ? Math.log10(y[last]) : y[last]) - low) / (high - low)
  const isNewest = y.subarray(last + 1).every((value) => !Number.isFinite(value))
  const text = isNewest ? `${meta.label} ${meta.newest}` : meta.label
  // An axis on which there is one place, such as epoch 0, has no length.
  return along >= 0 && at >= 0 && at <= 1 ? { along, at, text, color: line.color } : null
}

// As Plotly chooses the ends of an axis for lines.
function extent(lines, type) {
  const known = lines.flatMap(({ y }) => [...y].filter(Number.isFinite))
  const ends = [Math.min(...known), Math.max(...known)]
  const [low, high] = type === "log" ? ends.map(Math.log10) : ends
  const margin = (high - low) / 18
  return [low - margin, high + margin]
}

// In shares of the plot: places on the axes themselves would stretch them.
const label = ({ along, at, text, color }, shift) => ({
  text: `<span style="color:${color}">${DASH}</span>${text}`,
  font: { size: FONT_SIZE },
  xref: "paper",
  yref: "paper",
  x: along,
  y: at,
  xanchor: "left",
  yanchor: "middle",
  xshift: GAP,
  yshift: shift,
  showarrow: false,
  borderpad: 0,
})

/**
 * The places nearest to the wanted ones, which ascend, that keep `gap` apart within `size`.
 * Neighbours that would overlap form a group around the mean of what they want.
 */
export function spreadOut(wanted, gap, size) {
  const groups = []
  for (const place of wanted) {
    groups.push({ places: [place] })
    for (;;) {
      const group = groups.at(-1)
      const count = group.places.length
      const middle = group.places.reduce((sum, each) => sum + each, 0) / count
      const half = (gap * count) / 2
      group.middle = Math.min(Math.max(middle, half), size - half)
      const before = groups.at(-2)
      const room = (gap * (count + (before?.places.length ?? 0))) / 2
      if (!before || group.middle - before.middle >= room) break
      groups.splice(-2, 2, { places: [...before.places, ...group.places] })
    }
  }
  return groups.flatMap(({ places, middle }) =>
    places.map((_, index) => middle + gap * (index - (places.length - 1) / 2)),
  )
}

function wide(text, font) {
  pen ??= document.createElement("canvas").getContext("2d")
  pen.font = `${FONT_SIZE}px ${font}`
  return pen.measureText(text).width
}
