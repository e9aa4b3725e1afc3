// The status, progress and numbers of a training: elements that stay, with texts that change.

const PARTS = `
  <div class="line"><span class="status"></span><span class="pace"></span></div>
  <progress max="1" aria-label="Training"></progress>
  <p class="details"></p>
  <dl></dl>`

export default function ({ data, parentElement }) {
  const host = parentElement.querySelector(".readout") ?? mount(parentElement)
  const status = host.querySelector(".status")
  write(status, data.status)
  status.dataset.color = data.color
  write(host.querySelector(".pace"), data.pace)
  host.querySelector("progress").value = data.fraction
  writeDetails(host.querySelector(".details"), data.details)
  writeNumbers(host.querySelector("dl"), data.numbers)
}

function mount(parentElement) {
  const host = document.createElement("div")
  host.className = "readout"
  host.innerHTML = PARTS
  parentElement.append(host)
  return host
}

function write(element, text) {
  if (element.textContent !== text) element.textContent = text
}

// What is set on each loss: its title, and the settings as code.
function writeDetails(paragraph, details) {
  const said = JSON.stringify(details)
  if (paragraph.dataset.said === said) return
  paragraph.dataset.said = said
  paragraph.replaceChildren(
    ...details.flatMap(([title, detail], index) => {
      const code = document.createElement("code")
      code.textContent = detail
      return [`${index ? " · " : ""}${title}: `, code]
    }),
  )
}

function writeNumbers(list, numbers) {
  while (list.children.length > numbers.length) list.lastChild.remove()
  numbers.forEach(([label, value], index) => {
    const item = list.children[index] ?? appendNumber(list)
    write(item.querySelector("dt"), label)
    write(item.querySelector("dd"), value)
  })
}

function appendNumber(list) {
  const item = document.createElement("div")
  item.append(document.createElement("dt"), document.createElement("dd"))
  list.append(item)
  return item
}
