// A slider along the axis of shapes, and the numbers at its place. All numbers are here
// already, so the charts follow without a word to the server: they hear of the place by an
// event (see live_chart.js).

export default function ({ data, parentElement }) {
  const host = parentElement.querySelector(".shape-slider") ?? mount(parentElement)
  const isOther = host.axis !== data.axis
  Object.assign(host, { axis: data.axis, x: data.x, rows: data.rows })
  host.slider.max = data.x.length - 1
  if (isOther) host.slider.value = data.start
  host.label.textContent = data.label
  host.slider.setAttribute("aria-label", data.label)
  host.names.replaceChildren(...["", ...data.columns].map((name) => cell("th", name, "col")))
  host.caption = data.caption
  show(host)
}

function mount(parentElement) {
  const host = document.createElement("div")
  host.className = "shape-slider"
  host.innerHTML = `
    <label><span></span> <output></output><input type="range" min="0" step="1"></label>
    <div class="numbers" tabindex="0" role="region"><table><caption></caption>
    <thead><tr></tr></thead><tbody></tbody></table></div>`
  host.label = host.querySelector("label span")
  host.output = host.querySelector("output")
  host.slider = host.querySelector("input")
  host.names = host.querySelector("thead tr")
  host.slider.addEventListener("input", () => show(host))
  parentElement.append(host)
  return host
}

function show(host) {
  const place = Number(host.slider.value)
  const at = host.x[place]
  const shown = String(Number(at.toFixed(3)))
  host.output.textContent = shown
  host.slider.setAttribute("aria-valuetext", shown)
  const caption = host.caption.replace("{at}", shown)
  host.querySelector("caption").textContent = caption
  host.querySelector(".numbers").setAttribute("aria-label", caption)
  host.querySelector("tbody").replaceChildren(
    ...host.rows.map(({ name, columns }) => {
      const row = document.createElement("tr")
      row.append(cell("th", name, "row"), ...columns.map((each) => cell("td", number(each, place))))
      return row
    }),
  )
  window.shapePlace = at
  window.dispatchEvent(new CustomEvent("shape-place"))
}

function number(values, place) {
  if (!values) return "not a probability"
  return values[place] === null ? "–" : values[place].toFixed(4)
}

function cell(tag, text, scope) {
  const element = document.createElement(tag)
  if (scope) element.scope = scope
  element.textContent = text
  return element
}
