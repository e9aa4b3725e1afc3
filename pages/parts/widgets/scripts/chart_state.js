// What a person set on the charts of one experiment: the stretches of axes that are in sight, by
// the axes' names, and the lines that are hidden, by theirs. It stays for this browser's session.
// Charts whose axes or lines have a name in common share it.

const CHANGED = "chart-state"
const ALL = "all"
const states = new Map()

/** {stretches, hidden} of the charts with this scope; another object after each change. */
export function stateOf(scope) {
  if (!states.has(scope)) {
    const kept = JSON.parse(read(keyOf(scope)) ?? "{}")
    states.set(scope, { stretches: {}, hidden: [], ...kept })
  }
  return states.get(scope)
}

function change(scope, changes) {
  const state = { ...stateOf(scope), ...changes }
  states.set(scope, state)
  keep(keyOf(scope), JSON.stringify(state))
  document.dispatchEvent(new CustomEvent(CHANGED, { detail: scope }))
}

const keyOf = (scope) => `charts ${scope}`

// In a page of others a browser may refuse to keep anything; then all lasts as long as the page.
function read(key) {
  try {
    return sessionStorage.getItem(key)
  } catch {
    return null
  }
}

function keep(key, text) {
  try {
    sessionStorage.setItem(key, text)
  } catch {
    return
  }
}

/** Call `heard(scope)` at each change; returns a function that ends it. */
export function onChange(heard) {
  const listener = ({ detail }) => heard(detail)
  document.addEventListener(CHANGED, listener)
  return () => document.removeEventListener(CHANGED, listener)
}

// ------------------------------------------------------------------ lines

/** What a trace is hidden by. */
export const nameOf = (trace) => trace.legendgroup || trace.name

/** Hide just these of the lines with `names`; the others of the scope stay as they are. */
export function hide(scope, names, hidden) {
  const others = stateOf(scope).hidden.filter((name) => !names.includes(name))
  change(scope, { hidden: [...others, ...hidden] })
}

/** Whether of the lines with `names` this one alone is in sight. */
export function isAlone(scope, name, names) {
  const hidden = new Set(stateOf(scope).hidden)
  return names.length > 1 && names.every((each) => hidden.has(each) !== (each === name))
}

// ------------------------------------------------------------------ axes

export const axesOf = (layout) => Object.keys(layout).filter((name) => /^[xy]axis\d*$/.test(name))

// The name of an axis and the size of its unit. One that others share says both in its figure.
const sharing = (layout, axis, key) =>
  layout.meta.ties[axis] ?? [`${key} ${axis} ${layout[axis].type ?? ""}`, 1]

/** Keep the stretches `ranges` of axes of a frame's chart, by the axes. */
export function keepStretches({ figure: { layout }, key }, ranges) {
  const { scope } = layout.meta
  const stretches = { ...stateOf(scope).stretches }
  for (const [axis, range] of Object.entries(ranges)) {
    const [name, unit] = sharing(layout, axis, key)
    stretches[name] = range.map((end) => end * unit)
  }
  change(scope, { stretches })
}

/** Back to the stretch that the figure asks for; where it is that already, all that there is. */
export function resetStretches({ figure: { layout }, key }) {
  const { scope } = layout.meta
  const stretches = { ...stateOf(scope).stretches }
  const axes = axesOf(layout).map((axis) => [axis, sharing(layout, axis, key)[0]])
  const isSet = axes.some(([, name]) => name in stretches)
  for (const [axis, name] of axes) {
    if (isSet) delete stretches[name]
    else if (layout[axis].range) stretches[name] = ALL
  }
  change(scope, { stretches })
}

// ------------------------------------------------------------------ figures

/** A figure as the person set it. */
export function asSet({ data, layout }, key) {
  if (!layout.meta) return { data, layout }
  const { stretches, hidden } = stateOf(layout.meta.scope)
  const axes = axesOf(layout).map((axis) => {
    const [name, unit] = sharing(layout, axis, key)
    return [axis, stretched(layout[axis], stretches[name], unit)]
  })
  return {
    data: data.map((trace) => ({
      ...trace,
      visible: hidden.includes(nameOf(trace)) ? "legendonly" : true,
    })),
    layout: { ...layout, ...Object.fromEntries(axes) },
  }
}

// Plotly writes into the range that it is given.
function stretched(axis, stretch, unit) {
  if (!stretch) return axis.range ? { ...axis, range: [...axis.range] } : axis
  if (stretch === ALL) return { ...axis, range: undefined, autorange: true }
  return { ...axis, range: stretch.map((end) => end / unit), autorange: false }
}
