// The stage: shows an experiment as it is now, block by block, from its stream of frames.
// What each kind of block and control holds is written in core/live/blocks.py.

import * as charts from "./chart.js"
import { hide as hideLines, isAlone, onChange } from "./chart_state.js"
import { Network, Pictures } from "./network.js"
import { Presenter } from "./present.js"
import { Replay, ReplayBar } from "./replay.js"
import { follow } from "./stream.js"

// While a stream is waited for, after why it is.
const LOST = "The connection is lost."
const AS_IT_WAS = "What stands here is as it was; trying again."

// A stage of fewer pixels has no room for a button for each choice.
const NARROW = 640
// A page that does not know the status is told it again, so many times and so long after.
const RETELLINGS = 5
const RETELL_MS = 2_000
// A page that was just drawn knows more than a frame of before; the next one comes sooner than this.
const SETTLED_MS = 700

/**
 * Show the experiment that `data` names in an element; called again at each pass of the page.
 * `data`: {base, experiment, page, ghost, options, status, plotly}. `tell(name, value)` reaches the page's script.
 */
export function show(parent, data, tell) {
  const stage = (parent.stage ??= new Stage(parent))
  stage.update(data, tell)
}

export function hide(parent) {
  if (parent.isConnected) return
  parent.stage?.close()
  delete parent.stage
}

class Stage {
  constructor(parent) {
    this.host = element("div", "stage")
    this.host.dataset.testid = "stage"
    this.state = element("p", "stage-state")
    this.state.setAttribute("role", "status")
    this.state.hidden = true
    this.body = element("div", "stage-body")
    this.host.append(this.state, this.body)
    parent.append(this.host)
    this.views = new Map()
    this.address = null
    // All blocks as they are now, and the names of those that show an earlier moment instead.
    this.newest = new Map()
    this.earlier = new Set()
    this.replay = new Replay({
      addressOf: (step) => this.addressOf(`/moments/${step}`),
      show: (moment, blocks) => this.showMoment(moment, blocks),
      showNow: () => this.showNow(),
    })
    this.presenter = new Presenter(this)
  }

  update(data, tell) {
    const isOther = data.experiment !== this.data?.experiment
    this.data = data
    this.host.dataset.page = data.page
    this.host.dataset.experiment = data.experiment
    // What scrolls takes the focus of a person's fifth key; the buttons are for that.
    document.querySelector('[data-testid="stMain"]')?.setAttribute("tabindex", "-1")
    this.tell = tell
    if (isOther) {
      this.replay.forget()
      this.newest.clear()
      clearViews(this.views)
      this.frame = null
      this.toldStatus = data.status
      clearTimeout(this.retelling)
    }
    charts.prepare(data.plotly)
    // What had ended may have been resumed.
    const hasEnded = this.host.dataset.stream === "ended"
    this.connect(isOther || (hasEnded && this.frame?.status !== data.status))
    // What was told already may have been true twice, as when one epoch is over before it is seen.
    if (this.frame && this.frame.status !== data.status) {
      clearTimeout(this.retelling)
      this.retelling = setTimeout(() => this.tellStatus(), SETTLED_MS)
    }
    // The page is drawn anew also when its colours change.
    if (this.frame) for (const view of this.views.values()) view.tick?.(this.frame)
    this.presenter.update()
  }

  // The page's buttons speak of the status: its script is to run when that changes. What is told
  // while the connection to it is lost is not heard, so that it is told again.
  tellStatus(times = RETELLINGS) {
    const { status } = this.frame
    clearTimeout(this.retelling)
    if (status === this.data.status) return
    this.tell("status", status)
    if (times) this.retelling = setTimeout(() => this.tellStatus(times - 1), RETELL_MS)
  }

  // The options that were picked stay for this browser's session.
  get options() {
    return JSON.parse(sessionStorage.getItem(`stage-${this.data.page}`) ?? "{}")
  }

  pick(option, value) {
    const options = { ...this.options, [option]: value }
    sessionStorage.setItem(`stage-${this.data.page}`, JSON.stringify(options))
    this.connect(false)
  }

  connect(again) {
    const address = this.addressOf("")
    if (address === this.address && !again) return
    this.address = address
    this.stop?.()
    let isFirst = true
    const take = (frame) => {
      this.take(frame)
      // What was picked is also of the moment that is looked at.
      if (isFirst) this.replay.again()
      isFirst = false
    }
    this.stop = follow(address, take, (state, words) => this.say(state, words))
  }

  // Of the stream, or of what else there is of the experiment in the view that was picked.
  addressOf(path) {
    const { base, experiment, page, ghost, options } = this.data
    const own = { ...options, ...(ghost && { ghost }) }
    const query = new URLSearchParams({ ...this.options, page, ...own })
    return `${base}/live/${experiment}${path}?${query}`
  }

  close() {
    clearTimeout(this.retelling)
    this.stop?.()
    if (this.presenter.isOn) this.presenter.leave()
    for (const view of this.views.values()) view.remove()
    this.host.remove()
  }

  say(state, words) {
    this.host.dataset.stream = state
    const why = state === "waiting" ? `${words ?? LOST} ${AS_IT_WAS}` : words
    write(this.state, why ?? "")
    this.state.hidden = !this.state.textContent
  }

  take(frame) {
    // What is read of the page is read before anything is written: after that it would have to be
    // laid out anew for each reading.
    charts.readTheme(this.host)
    this.isNarrow = this.host.offsetWidth < NARROW
    // That a training rests is to be read at once; to draw its charts takes longer.
    const rests = this.frame?.status === "running" && frame.status !== "running"
    if (rests) charts.letShow()
    this.frame = frame
    this.host.dataset.status = frame.status
    this.host.dataset.steps = frame.steps
    for (const sent of frame.blocks) {
      const block = sent.changes ? changed(this.newest.get(sent.id), sent.changes) : sent
      this.newest.set(block.id, block)
      const isEarlier = this.earlier.has(block.id) && this.views.get(block.id)?.kind === block.kind
      if (!isEarlier) this.view(block, this.views).update(block, frame)
    }
    const known = new Set(frame.order.flatMap(([, ids]) => ids))
    if (!known.has("replay")) this.replay.end()
    for (const [id, view] of this.views) {
      if (known.has(id)) view.tick?.(frame)
      else this.views.delete(id), view.remove()
    }
    arrange(this.body, frame.order.map(([part, ids]) => this.section(part, ids)))
    while (this.body.children.length > frame.order.length) this.body.lastChild.remove()
    this.presenter.update()
    if (frame.status !== this.toldStatus) {
      this.toldStatus = frame.status
      this.tellStatus()
    }
  }

  // What is shown of an earlier moment takes the place of what is now, and the charts' cursors
  // stand there.
  async showMoment(moment, blocks) {
    this.earlier = new Set(blocks.map(({ id }) => id))
    this.redraw(blocks)
    charts.mark(this.host, moment)
    await charts.settled()
  }

  showNow() {
    const blocks = [...this.earlier].map((id) => this.newest.get(id)).filter(Boolean)
    this.earlier.clear()
    if (this.frame) this.redraw(blocks)
    charts.mark(this.host, null)
  }

  redraw(blocks) {
    for (const block of blocks) {
      this.view(block, this.views).update(block, { ...this.frame, isUrgent: true })
    }
  }

  // The blocks of one part, which the style sheet places by the part's name.
  section(part, ids) {
    const found = this.body.querySelector(`:scope > [data-part="${part}"]`)
    const section = found ?? element("section", "stage-part")
    section.dataset.part = part
    arrange(section, ids.map((id) => this.views.get(id).host))
    return section
  }

  view(block, views) {
    const known = views.get(block.id)
    if (known?.kind === block.kind) return known
    known?.remove()
    const view = new (VIEWS[block.kind] ?? Words)(this, block)
    view.kind = block.kind
    views.set(block.id, view)
    return view
  }
}

// What the changes make of a value, which stays as it is: an object has them by key or place, and a
// list has what takes the value's place.
function changed(value, changes) {
  if (Array.isArray(changes)) return changes[0]
  const copy = Array.isArray(value) ? [...value] : { ...value }
  for (const [key, each] of Object.entries(changes)) copy[key] = changed(value[key], each)
  return copy
}

// ------------------------------------------------------------------ blocks

class View {
  constructor(stage, tag, name) {
    this.stage = stage
    this.host = element(tag, name)
  }

  remove() {
    this.host.remove()
  }
}

// Charts stay, empty, for what is shown next; all else goes.
function clearViews(views) {
  for (const [id, view] of views) {
    if (view.clear) view.clear()
    else views.delete(id), view.remove()
  }
}

class Words extends View {
  constructor(stage, block) {
    super(stage, "p", `stage-${block.kind}`)
    if (block.kind === "error") this.host.setAttribute("role", "alert")
  }

  update(block) {
    writeRich(this.host, block.text)
  }
}

class Heading extends View {
  constructor(stage) {
    super(stage, "div", "stage-heading")
    this.title = element("strong")
    this.controls = new Controls(stage, element("div", "stage-controls"))
    this.host.append(this.title, this.controls.host)
  }

  update(block) {
    write(this.title, block.text)
    this.controls.update(block.controls)
  }
}

class ControlLine extends View {
  constructor(stage) {
    super(stage, "div", "stage-controls stage-line")
    this.controls = new Controls(stage, this.host)
  }

  update(block) {
    this.controls.update(block.controls)
  }
}

class List extends View {
  constructor(stage) {
    super(stage, "ul", "stage-list")
  }

  update(block) {
    sized(this.host, block.lines.length, () => element("li"))
    block.lines.forEach((line, index) => write(this.host.children[index], line))
  }
}

class Table extends View {
  constructor(stage) {
    super(stage, "div", "stage-table")
    this.host.tabIndex = 0
    this.host.setAttribute("role", "region")
    this.head = element("tr")
    this.rows = element("tbody")
    const table = element("table")
    const thead = element("thead")
    thead.append(this.head)
    table.append(thead, this.rows)
    this.host.append(table)
    this.forget = onChange((scope) => scope === this.scope && this.press())
  }

  update(block) {
    this.host.setAttribute("aria-label", block.label)
    this.host.dataset.table = block.id
    sized(this.head, block.columns.length, () => scoped("col"))
    block.columns.forEach((words, at) => writeTerm(this.head.children[at], words, block.tips[at]))
    sized(this.rows, block.rows.length, () => element("tr"))
    block.rows.forEach((cells, index) => {
      const row = this.rows.children[index]
      sized(row, cells.length, (place) => (place ? element("td") : scoped("row")))
      cells.forEach((words, place) => {
        if (place) writeRich(row.children[place], words)
        else if (block.lines_in) this.writePick(row.firstChild, words)
        else write(row.children[place], words)
      })
    })
    this.scope = block.lines_in
    this.press()
  }

  // A row's title as a button that leaves its line alone in sight, or brings all back.
  writePick(cell, words) {
    if (!cell.firstElementChild) cell.replaceChildren(element("button", "stage-pick"))
    const button = cell.firstElementChild
    write(button, words)
    button.onclick = () => {
      const others = this.names.filter((name) => name !== words)
      hideLines(this.scope, this.names, isAlone(this.scope, words, this.names) ? [] : others)
    }
  }

  get names() {
    return [...this.rows.querySelectorAll(".stage-pick")].map(({ textContent }) => textContent)
  }

  // A line may also be hidden by a chart's legend.
  press() {
    for (const button of this.rows.querySelectorAll(".stage-pick")) {
      const isPressed = isAlone(this.scope, button.textContent, this.names)
      button.setAttribute("aria-pressed", isPressed)
    }
  }

  remove() {
    this.forget()
    super.remove()
  }
}

class Chart extends View {
  constructor(stage) {
    super(stage, "div", "stage-chart")
    this.chart = charts.mount(this.host)
  }

  update(block, frame) {
    this.block = block
    this.tick(frame)
  }

  tick({ steps, status, isUrgent }) {
    if (!this.block) return
    const { figure, id, label, height } = this.block
    const source = this.stage.data.plotly
    charts.draw(this.chart, { figure, key: id, label, height, steps, status, source }, isUrgent)
  }

  clear() {
    this.block = null
    charts.clear(this.chart)
  }

  remove() {
    charts.unmount(this.chart)
    super.remove()
  }
}

class Grid extends View {
  constructor(stage) {
    super(stage, "div", "stage-grid")
    this.views = new Map()
  }

  update(block, frame) {
    sized(this.host, block.cells.length, () => element("div"))
    block.cells.forEach((cell, index) => this.fill(this.host.children[index], cell, frame))
    this.keep(block.cells.flat())
  }

  fill(parent, blocks, frame) {
    const hosts = blocks.map((inner) => {
      const view = this.stage.view(inner, this.views)
      view.update(inner, frame)
      return view.host
    })
    arrange(parent, hosts)
  }

  keep(blocks) {
    const known = new Set(blocks.map(({ id }) => id))
    for (const [id, view] of this.views) {
      if (!known.has(id)) this.views.delete(id), view.remove()
    }
  }

  tick(frame) {
    for (const view of this.views.values()) view.tick?.(frame)
  }

  clear() {
    clearViews(this.views)
  }

  remove() {
    for (const view of this.views.values()) view.remove()
    super.remove()
  }
}

// What is in some is sent only while they are open, so that an option of the view says so.
class Fold extends Grid {
  constructor(stage, { option, open }) {
    super(stage)
    this.host = element("details", "stage-fold")
    this.host.open = open ?? false
    if (option) this.host.addEventListener("toggle", () => stage.pick(option, this.host.open))
    this.title = element("summary")
    this.inside = element("div")
    this.host.append(this.title, this.inside)
  }

  update(block, frame) {
    write(this.title, block.title)
    this.fill(this.inside, block.blocks, frame)
    this.keep(block.blocks)
  }
}

class Action extends View {
  constructor(stage, block) {
    super(stage, "button", "stage-button")
    this.host.addEventListener("click", () => stage.tell("action", block.id))
  }

  update(block) {
    write(this.host, block.title)
    this.host.disabled = block.disabled
  }
}

// What goes wrong: one line in sight, the others in a menu over what is below.
class Findings extends View {
  constructor(stage) {
    super(stage, "div", "stage-findings")
    this.host.setAttribute("role", "group")
    this.host.setAttribute("aria-label", "What goes wrong")
    this.first = this.line()
    this.menu = element("details", "stage-menu")
    this.count = element("summary")
    this.others = element("div")
    this.menu.append(this.count, this.others)
    closeByKey(this.menu)
    this.host.append(this.first, this.menu)
  }

  line() {
    const line = element("div", "stage-finding")
    const button = element("button", "stage-button")
    button.addEventListener("click", () => this.stage.tell("action", button.dataset.action))
    line.append(element("p"), button)
    return line
  }

  update({ lines: [first, ...others] }) {
    this.fill(this.first, first)
    this.menu.hidden = !others.length
    write(this.count, `${others.length} more`)
    sized(this.others, others.length, () => this.line())
    others.forEach((line, at) => this.fill(this.others.children[at], line))
  }

  fill(host, { text, action, title }) {
    const [words, button] = host.children
    writeRich(words, text)
    write(button, title)
    button.dataset.action = action
    button.hidden = !action
  }
}

class Printed extends View {
  constructor(stage) {
    super(stage, "pre", "stage-printed")
    this.host.dataset.testid = "printed"
    this.host.tabIndex = 0
    // The newest lines stay in sight, unless a person has scrolled away from them.
    this.follows = true
    this.host.addEventListener("scroll", () => {
      const { scrollHeight, scrollTop, clientHeight } = this.host
      this.follows = scrollHeight - scrollTop - clientHeight < 20
    })
  }

  update(block) {
    write(this.host, block.text)
    // When the page is laid out: to scroll now would have that done at once.
    if (this.follows) requestAnimationFrame(() => { this.host.scrollTop = this.host.scrollHeight })
  }
}

class Readout extends View {
  constructor(stage) {
    super(stage, "div", "readout")
    this.host.innerHTML = `
      <div class="line"><span class="status"></span><span class="about"></span>
        <span class="pace"></span><button class="stage-button present">
        <svg viewBox="0 0 16 16" aria-hidden="true"><path
          d="M2 6V2h4M10 2h4v4M14 10v4h-4M6 14H2v-4"/></svg></button></div>
      <progress max="1" aria-label="Training"></progress>
      <p class="details"></p>`
    const present = this.host.querySelector(".present")
    present.setAttribute("aria-label", "Present")
    explain(present, "One chart at a time on the whole screen; ← → go through them.")
    present.addEventListener("click", () => stage.presenter.enter())
  }

  update(block) {
    const find = (selector) => this.host.querySelector(selector)
    write(find(".status"), block.status)
    find(".status").dataset.color = block.color
    write(find(".about"), block.about)
    write(find(".pace"), block.pace)
    find("progress").value = block.fraction
    const details = find(".details")
    sized(details, 2 * block.details.length, (at) => element(at % 2 ? "code" : "span"))
    block.details.forEach(([title, words], at) => {
      write(details.children[2 * at], `${at ? " · " : ""}${title}: `)
      write(details.children[2 * at + 1], words)
    })
  }
}

const VIEWS = {
  readout: Readout,
  heading: Heading,
  controls: ControlLine,
  list: List,
  table: Table,
  chart: Chart,
  grid: Grid,
  fold: Fold,
  action: Action,
  findings: Findings,
  printed: Printed,
  network: Network,
  pictures: Pictures,
  replay: ReplayBar,
}

// ------------------------------------------------------------------ controls

// Made anew only when what is offered changes: one that has the focus keeps it.
class Controls {
  constructor(stage, host) {
    this.stage = stage
    this.host = host
    this.made = ""
  }

  update(controls) {
    const made = JSON.stringify(controls)
    if (made === this.made) return
    const focused = this.host.contains(document.activeElement)
      ? document.activeElement.dataset.control
      : null
    const open = [...this.host.querySelectorAll("details[open]")].map((each) => each.dataset.control)
    this.made = made
    this.host.replaceChildren(...controls.map((each) => CONTROLS[each.kind](this.stage, each)))
    for (const name of open) this.find(name)?.setAttribute("open", "")
    if (focused) this.find(focused)?.focus()
  }

  find(name) {
    return this.host.querySelector(`[data-control="${CSS.escape(name)}"]`)
  }
}

const CONTROLS = {
  choice(stage, control) {
    if (control.look === "menu" || (control.look === "buttons" && stage.isNarrow)) {
      return dropDown(stage, control)
    }
    const group = element("div", `stage-${control.look}`)
    group.setAttribute("role", control.look === "tabs" ? "tablist" : "radiogroup")
    group.setAttribute("aria-label", control.label)
    control.offered.forEach(([value, title], index) => {
      const button = element("button")
      const isPicked = value === control.value
      button.setAttribute("role", control.look === "tabs" ? "tab" : "radio")
      button.setAttribute(control.look === "tabs" ? "aria-selected" : "aria-checked", isPicked)
      button.tabIndex = isPicked ? 0 : -1
      button.dataset.control = `${control.option} ${value}`
      write(button, title)
      if (control.tips[value]) explain(button, control.tips[value])
      button.addEventListener("click", () => stage.pick(control.option, value))
      button.addEventListener("keydown", ({ key }) => {
        const step = { ArrowRight: 1, ArrowLeft: -1 }[key]
        if (!step) return
        const count = control.offered.length
        const next = group.children[(index + step + count) % count]
        next.focus()
        next.click()
      })
      group.append(button)
    })
    return group
  },

  toggle(stage, control) {
    const label = element("label", "stage-toggle")
    const box = element("input")
    box.type = "checkbox"
    box.checked = control.value
    box.dataset.control = control.option
    box.setAttribute("aria-label", control.label)
    box.addEventListener("change", () => stage.pick(control.option, box.checked))
    label.append(box, control.label)
    return label
  },

  slider(stage, control) {
    const label = element("label", "stage-slider")
    const output = element("output")
    const input = element("input")
    Object.assign(input, { type: "range", min: control.low, max: control.high })
    input.step = control.step
    input.value = control.value
    input.dataset.control = control.option
    input.setAttribute("aria-label", control.label)
    write(output, String(control.value))
    input.addEventListener("input", () => write(output, input.value))
    input.addEventListener("change", () => stage.pick(control.option, input.value))
    label.append(control.label, " ", output, input)
    return label
  },

  menu(stage, control) {
    const menu = element("details", "stage-menu")
    menu.dataset.control = control.label
    const title = element("summary")
    write(title, control.label)
    const inside = element("div")
    for (const each of control.controls) {
      const line = element("div", "stage-line")
      if (each.kind === "choice") line.append(element("span", "", each.label))
      line.append(CONTROLS[each.kind](stage, each))
      inside.append(line)
    }
    menu.append(title, inside)
    closeByKey(menu)
    return menu
  },

  download(stage, control) {
    const { base, experiment } = stage.data
    const link = element("a", "stage-button")
    link.href = `${base}/live/${experiment}/${control.address}`
    link.download = ""
    link.dataset.control = control.address
    write(link, control.label)
    return link
  },
}

function dropDown(stage, control) {
  const label = element("label", "stage-select")
  const select = element("select")
  select.dataset.control = control.option
  select.setAttribute("aria-label", control.label)
  for (const [value, title] of control.offered) select.add(new Option(title, value))
  select.value = control.value
  if (control.tips[control.value]) explain(select, control.tips[control.value])
  select.addEventListener("change", () => stage.pick(control.option, select.value))
  label.append(control.label, select)
  return label
}

// ------------------------------------------------------------------ tips

// A term with a sentence that explains it: a button, so that keys and fingers come to it too.
function writeTerm(cell, words, tip) {
  if (!tip) return write(cell, words)
  if (cell.textContent === words) return
  const button = element("button", "stage-term", words)
  explain(button, tip)
  cell.replaceChildren(button)
}

// The sentence shows while the element is hovered or has the focus; Escape hides it. After a tap
// browsers tell that a mouse left, which was never there.
function explain(target, sentence) {
  target.setAttribute("aria-description", sentence)
  let isTapped = false
  const show = () => showTip(target, sentence)
  target.addEventListener("pointerdown", (event) => { isTapped = event.pointerType !== "mouse" })
  for (const event of ["mouseenter", "focus", "click"]) target.addEventListener(event, show)
  target.addEventListener("mouseleave", () => isTapped || hideTip())
  target.addEventListener("blur", hideTip)
  target.addEventListener("keydown", ({ key }) => key === "Escape" && hideTip())
}

function showTip(target, sentence) {
  hideTip()
  const stage = target.closest(".stage")
  if (!stage) return
  const tip = element("div", "stage-tip", sentence)
  tip.setAttribute("role", "tooltip")
  stage.append(tip)
  const [around, at] = [stage.getBoundingClientRect(), target.getBoundingClientRect()]
  const room = around.width - tip.offsetWidth
  tip.style.left = `${Math.max(0, Math.min(at.left - around.left, room))}px`
  tip.style.top = `${at.bottom - around.top + 4}px`
}

function hideTip() {
  document.querySelector(".stage-tip")?.remove()
}

function closeByKey(menu) {
  menu.addEventListener("keydown", ({ key }) => {
    if (key !== "Escape" || !menu.open) return
    menu.open = false
    menu.firstChild.focus()
  })
}

// A menu closes when something else is clicked.
document.addEventListener("click", ({ target }) => {
  for (const menu of document.querySelectorAll(".stage-menu[open]")) {
    if (!menu.contains(target)) menu.open = false
  }
})

// ------------------------------------------------------------------ elements

function element(tag, name, words) {
  const made = document.createElement(tag)
  if (name) made.className = name
  if (words) made.textContent = words
  return made
}

function scoped(scope) {
  const made = element("th")
  made.scope = scope
  return made
}

function write(target, words) {
  if (target.textContent !== words) target.textContent = words
}

// Text with **words** in bold; nothing in it is read as HTML.
function writeRich(target, words) {
  if (target.dataset.words === words) return
  target.dataset.words = words
  const parts = words.split("**")
  const isPaired = parts.length % 2
  target.replaceChildren(
    ...parts.map((part, at) => (isPaired && at % 2 ? element("strong", "", part) : part)),
  )
  if (!isPaired) target.textContent = words
}

// So many children, made or removed at the end.
function sized(parent, count, make) {
  while (parent.children.length > count) parent.lastChild.remove()
  while (parent.children.length < count) parent.append(make(parent.children.length))
}

// The children in this order; those that are in their place are not touched.
function arrange(parent, hosts) {
  hosts.forEach((host, at) => {
    if (parent.children[at] !== host) parent.insertBefore(host, parent.children[at] ?? null)
  })
}
