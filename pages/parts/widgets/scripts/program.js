// Shows what a program prints while it runs, from its stream: see core/live/programs.py.

import { follow } from "./stream.js"

const COLUMNS = ["Epoch", "It printed", "The lab's"]
const LOST = "The connection is lost. What stands here is as it was; trying again."
// So many of the newest rows are shown; the browser would be slow with more.
const MOST_ROWS = 1000

/**
 * Show the run that `data` names: {base, run, experiment, status}. Called again at each pass of
 * the page; `tell(name, value)` reaches the page's script.
 */
export function show(parent, data, tell) {
  const view = (parent.programRun ??= new ProgramRun(parent))
  view.update(data, tell)
}

export function hide(parent) {
  if (parent.isConnected) return
  parent.programRun?.close()
  delete parent.programRun
}

class ProgramRun {
  constructor(parent) {
    this.host = element("div", "program-run")
    this.host.dataset.testid = "program-run"
    this.words = element("p", "program-words")
    this.words.setAttribute("role", "status")
    this.progress = element("progress")
    this.progress.setAttribute("aria-label", "Epochs done")
    this.reason = element("p", "program-reason")
    this.reason.setAttribute("role", "alert")
    this.said = element("p", "program-said")
    this.box = element("div", "program-printed")
    this.box.tabIndex = 0
    this.box.setAttribute("role", "region")
    this.box.setAttribute("aria-label", "Losses, epoch by epoch")
    const table = element("table")
    const head = element("tr")
    for (const name of COLUMNS) head.append(cell("th", name, "col"))
    table.append(element("thead"), (this.body = element("tbody")))
    table.firstChild.append(head)
    this.box.append(table)
    this.host.append(this.words, this.progress, this.reason, this.said, this.box)
    parent.append(this.host)
  }

  update(data, tell) {
    this.tell = tell
    this.known = data.status
    const query = data.experiment ? `?experiment=${data.experiment}` : ""
    const address = `${data.base}/program/${data.run}${query}`
    if (address === this.address) return
    this.address = address
    this.stop?.()
    this.body.replaceChildren()
    this.stop = follow(address, (frame) => this.take(frame), (state, words) => this.say(state, words))
  }

  close() {
    this.stop?.()
    this.host.remove()
  }

  say(state, words) {
    if (state === "waiting") this.write(this.reason, words ?? LOST)
    if (state === "refused") this.write(this.reason, words)
  }

  take(frame) {
    this.host.dataset.status = frame.status
    this.write(this.words, frame.words)
    this.write(this.reason, frame.reason)
    this.write(this.said, frame.said)
    this.progress.value = frame.fraction
    const isAtEnd = this.box.scrollTop + this.box.clientHeight >= this.box.scrollHeight - 4
    if (!frame.after) this.body.replaceChildren()
    this.body.append(...frame.rows.slice(-MOST_ROWS).map(row))
    while (this.body.children.length > MOST_ROWS) this.body.firstChild.remove()
    if (isAtEnd) this.box.scrollTop = this.box.scrollHeight
    this.box.hidden = !this.body.children.length
    // The page's Stop speaks of the status: its script is to run when that changes.
    if (frame.status !== this.known) {
      this.known = frame.status
      this.tell("status", frame.status)
    }
  }

  write(host, words) {
    if (host.textContent !== words) host.textContent = words
    host.hidden = !words
  }
}

function row([epoch, printed, lab]) {
  const host = element("tr")
  host.append(cell("th", epoch, "row"), cell("td", printed), cell("td", lab || "–"))
  return host
}

function cell(tag, words, scope) {
  const host = element(tag)
  host.textContent = words
  if (scope) host.setAttribute("scope", scope)
  return host
}

function element(tag, name) {
  const host = document.createElement(tag)
  if (name) host.className = name
  return host
}
