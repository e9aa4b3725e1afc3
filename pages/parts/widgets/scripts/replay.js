// Winds a stage back to snapshots that were kept, and plays them.

// So long a picture stands while they are played, at least.
const PLAY_MS = 120

/** The moments of one stage: `show(moment, blocks)` shows one, and `showNow()` what is now. */
export class Replay {
  constructor({ addressOf, show, showNow }) {
    Object.assign(this, { addressOf, show, showNow })
    this.moments = []
    this.at = null
    this.isPlaying = false
    this.answers = new Map()
    this.hearers = new Set()
  }

  /** Whether what is shown is of earlier. */
  get isOn() {
    return this.at !== null
  }

  /** The moments as they are known now. */
  update(moments) {
    this.moments = moments
    this.tell()
  }

  /** Another training is shown, which begins with what is now. */
  forget() {
    this.end()
    this.moments = []
    this.answers.clear()
  }

  /** Go to the moment of this number; the last is now. */
  async go(number) {
    const at = Math.max(0, Math.min(number, this.moments.length - 1))
    this.wanted = at
    this.at = at === this.moments.length - 1 && !this.isPlaying ? null : at
    this.tell()
    if (this.at === null) return this.showNow()
    if (this.busy) return this.busy
    this.busy = this.catchUp()
    await this.busy
  }

  // What is asked for while an answer is awaited takes its place.
  async catchUp() {
    try {
      while (this.isOn) {
        const at = this.at
        const moment = this.moments[at]
        const blocks = await this.blocksOf(moment)
        if (!this.isOn) return
        if (blocks) await this.show(moment, blocks)
        if (this.at === at) return
      }
    } finally {
      this.busy = null
    }
  }

  async blocksOf([step]) {
    const address = this.addressOf(step)
    if (!this.answers.has(address)) {
      const answer = await fetch(address, { cache: "no-store" }).catch(() => null)
      if (!answer?.ok) return null
      this.answers.set(address, (await answer.json()).blocks)
    }
    return this.answers.get(address)
  }

  /** Show the same moment anew: what is looked at of it is another thing. */
  again() {
    if (this.isOn) this.go(this.at)
  }

  async play() {
    if (this.isPlaying) return this.pause()
    this.isPlaying = true
    const isAtEnd = this.at === null || this.at >= this.moments.length - 1
    for (let at = isAtEnd ? 0 : this.at; this.isPlaying && at < this.moments.length; at += 1) {
      const begin = performance.now()
      await this.go(at)
      const rest = PLAY_MS - (performance.now() - begin)
      await new Promise((go) => { setTimeout(go, Math.max(0, rest)) })
      if (this.isPlaying && this.at === null) break
    }
    const isDone = this.isPlaying
    this.pause()
    if (isDone) this.end()
  }

  pause() {
    this.isPlaying = false
    this.tell()
  }

  /** Back to what is now. */
  end() {
    this.isPlaying = false
    if (!this.isOn) return
    this.at = null
    this.tell()
    this.showNow()
  }

  tell() {
    for (const hear of this.hearers) hear()
  }
}

/** The view of a block of kind replay: a slider through the moments, and a button that plays them. */
export class ReplayBar {
  constructor({ replay }) {
    this.replay = replay
    this.host = document.createElement("div")
    this.host.className = "replay"
    this.button = document.createElement("button")
    this.button.className = "stage-button"
    this.button.addEventListener("click", () => replay.play())
    this.slider = document.createElement("input")
    Object.assign(this.slider, { type: "range", min: 0, step: 1 })
    this.slider.setAttribute("aria-label", "Back through the training")
    this.slider.addEventListener("input", () => {
      const number = Number(this.slider.value)
      replay.pause()
      replay.go(number)
    })
    this.output = document.createElement("span")
    this.host.append(this.button, this.slider, this.output)
    this.hear = () => this.show()
    replay.hearers.add(this.hear)
  }

  update({ moments, epochs }) {
    this.epochs = epochs
    this.replay.update(moments)
  }

  show() {
    const { at, moments, isPlaying } = this.replay
    this.slider.max = moments.length - 1
    const place = at ?? moments.length - 1
    this.slider.value = place
    const [, epoch] = moments[place] ?? [0, 0]
    const words = at === null ? "Now" : `Epoch ${epoch.toLocaleString("en")}`
    this.slider.setAttribute("aria-valuetext", words)
    write(this.output, words)
    write(this.button, isPlaying ? "❚❚" : "▶")
    this.button.setAttribute("aria-label", isPlaying ? "Pause the replay" : "Replay the training")
  }

  remove() {
    this.replay.hearers.delete(this.hear)
    this.host.remove()
  }
}

function write(target, words) {
  if (target.textContent !== words) target.textContent = words
}
