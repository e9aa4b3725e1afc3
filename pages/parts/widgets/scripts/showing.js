// News of an exhibit that is shown: how many have bet, and whether it trains. The page's script
// runs again when that changes. Also the link with which others bet and watch.

import { follow } from "./stream.js"

// What is told while the connection to the page's script is lost is not heard.
const RETELL_MS = 2_000
const RETELLINGS = 5
const COPIED_MS = 2_000

/**
 * Follow the showing that `data` names: {base, showing, phase, link}. `link` is the address to
 * copy, empty where there is none to show. `tell("phase", phase)` reaches the page's script.
 */
export function show(parent, data, tell) {
  const showing = (parent.showing ??= new Showing(parent))
  showing.update(data, tell)
}

export function hide(parent) {
  if (parent.isConnected) return
  parent.showing?.close()
  delete parent.showing
}

class Showing {
  constructor(parent) {
    this.host = document.createElement("div")
    this.host.className = "showing"
    this.host.dataset.testid = "showing"
    this.host.innerHTML = `<p class="showing-bets" role="status"></p>
      <label class="showing-link">Anyone with this link can bet and watch
        <span><input readonly><button type="button">Copy</button></span></label>`
    const [input, button] = this.host.querySelectorAll("input, button")
    input.addEventListener("focus", () => input.select())
    button.addEventListener("click", () => this.copy(input, button))
    parent.append(this.host)
  }

  update(data, tell) {
    const isOther = data.showing !== this.data?.showing
    this.data = data
    this.tell = tell
    this.host.dataset.showing = data.showing
    this.host.querySelector(".showing-link").hidden = !data.link
    this.host.querySelector("input").value = `${location.origin}${data.link}`
    if (!isOther) return
    this.stop?.()
    this.frame = null
    const address = `${data.base}/showings/${data.showing}`
    this.stop = follow(address, (frame) => this.take(frame), (state) => {
      this.host.dataset.stream = state
    })
  }

  take(frame) {
    this.frame = frame
    const count = { 0: "No bets yet", 1: "1 bet so far" }[frame.bets] ?? `${frame.bets} bets so far`
    const words = this.host.querySelector(".showing-bets")
    if (words.textContent !== count) words.textContent = count
    this.host.dataset.phase = frame.phase
    this.tellPhase(RETELLINGS)
  }

  tellPhase(times) {
    clearTimeout(this.retelling)
    if (this.frame.phase === this.data.phase || !times) return
    this.tell("phase", this.frame.phase)
    this.retelling = setTimeout(() => this.tellPhase(times - 1), RETELL_MS)
  }

  // Browsers give their clipboard to safe addresses alone; elsewhere the link is selected.
  async copy(input, button) {
    input.select()
    try {
      await navigator.clipboard.writeText(input.value)
    } catch {
      document.execCommand("copy")
    }
    button.textContent = "Copied"
    setTimeout(() => { button.textContent = "Copy" }, COPIED_MS)
  }

  close() {
    clearTimeout(this.retelling)
    this.stop?.()
    this.host.remove()
  }
}
