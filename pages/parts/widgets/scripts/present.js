// A stage on the whole screen, one slide at a time, to be read from the back of a room.

// The slides of each page by the parts of its stage; one of a tab picks the tab.
const SLIDES = {
  train: [{ part: "compared" }, { part: "units" }, { part: "learned" }, { part: "numbers" }],
  compare: [
    { part: "differences" },
    { part: "shared" },
    { part: "units", tab: "units" },
    { part: "learned", tab: "learned" },
    { part: "calibration", tab: "calibration" },
    { part: "matrix", tab: "verdict" },
  ],
}
const OPTION = "present"
// What has a use of its own for the keys.
const OWN_KEYS = "input, select, textarea, [role=radiogroup], [role=tablist]"
const OWN_SPACE = "button, summary, a"

const ADDRESS_MS = 500

const isAsked = () => new URLSearchParams(location.search).get(OPTION) === "1"

/** Presents a stage: `update()` after each pass and each frame, `enter()` and `leave()`. */
export class Presenter {
  constructor(stage) {
    this.stage = stage
    this.isOn = false
    this.foot = document.createElement("div")
    this.foot.className = "present-foot"
    this.place = document.createElement("span")
    this.foot.append(
      this.button("‹", "Slide before", () => this.go(-1)),
      this.place,
      this.button("›", "Next slide", () => this.go(1)),
      this.button("✕", "Leave the presentation", () => this.leave()),
    )
    this.hear = (event) => this.press(event)
  }

  button(words, label, run) {
    const made = document.createElement("button")
    made.className = "stage-button"
    made.textContent = words
    made.setAttribute("aria-label", label)
    made.addEventListener("click", run)
    return made
  }

  // Slides whose part this experiment has not are left out; those of a tab come when it is picked.
  get slides() {
    const slides = SLIDES[this.stage.data.page] ?? []
    return slides.filter(({ part, tab }) => tab || this.section(part))
  }

  section(part) {
    return this.stage.body.querySelector(`:scope > [data-part="${part}"]:not(:empty)`)
  }

  get at() {
    const kept = Number(sessionStorage.getItem(`${OPTION}-${this.stage.data.page}`) ?? 0)
    return Math.max(0, Math.min(kept, this.slides.length - 1))
  }

  update() {
    if (isAsked() && !this.isOn && this.slides.length) return this.enter()
    if (!this.isOn) return
    // After its pass the page's script may write the address anew, without this.
    this.stay()
    clearTimeout(this.staying)
    this.staying = setTimeout(() => this.stay(), ADDRESS_MS)
    this.show()
  }

  stay() {
    if (this.isOn && !isAsked()) write(true)
  }

  enter() {
    const { host } = this.stage
    this.isOn = true
    write(true)
    host.classList.add("presenting")
    host.popover = "manual"
    host.showPopover?.()
    host.append(this.foot)
    document.addEventListener("keydown", this.hear)
    this.show()
  }

  leave() {
    const { host } = this.stage
    this.isOn = false
    write(false)
    document.removeEventListener("keydown", this.hear)
    this.foot.remove()
    if (host.matches(":popover-open")) host.hidePopover()
    host.removeAttribute("popover")
    host.classList.remove("presenting")
    for (const section of this.stage.body.children) section.classList.remove("slide")
  }

  go(step) {
    const count = this.slides.length
    const at = (this.at + step + count) % count
    sessionStorage.setItem(`${OPTION}-${this.stage.data.page}`, at)
    this.show()
  }

  show() {
    const { at, slides } = this
    const slide = slides[at]
    if (!slide) return
    if (slide.tab && this.stage.options.tab !== slide.tab) this.stage.pick("tab", slide.tab)
    for (const section of this.stage.body.children) {
      section.classList.toggle("slide", section.dataset.part === slide.part)
    }
    const words = `${at + 1} / ${slides.length}`
    if (this.place.textContent !== words) this.place.textContent = words
    this.stage.host.dataset.slide = slide.part
  }

  press(event) {
    const { key, target } = event
    if (event.ctrlKey || event.metaKey || event.altKey || document.fullscreenElement) return
    if (key === "Escape") return this.leave()
    if (target.closest?.(OWN_KEYS)) return
    const step = { ArrowRight: 1, PageDown: 1, ArrowLeft: -1, PageUp: -1 }[key]
    const isSpace = key === " " && !target.closest?.(OWN_SPACE)
    if (!step && !isSpace) return
    event.preventDefault()
    if (step) return this.go(step)
    // The page's own button does it, and knows whether it is to pause or to resume.
    document.querySelector(".st-key-pause button:not(:disabled)")?.click()
  }
}

// Into the address, so that a reload and a link present too.
function write(isOn) {
  const address = new URL(location.href)
  if (isOn) address.searchParams.set(OPTION, "1")
  else address.searchParams.delete(OPTION)
  history.replaceState(history.state, "", address)
}
