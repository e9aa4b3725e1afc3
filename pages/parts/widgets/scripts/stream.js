// Follows live data: reads server-sent events, and begins again by itself when they break off.

// A stream sends a sign of life every five seconds; without any for so long it is lost.
const SILENCE_MS = 12_000
const FIRST_RETRY_MS = 500
const LONGEST_RETRY_MS = 5_000

// The server was reached, and had a reason not to answer now.
class Refusal extends Error {}

/**
 * Read the events at an address until one is the last. `onFrame(frame)` gets each one;
 * `onState(state, words)` hears "live", "waiting" (and goes on trying), "refused" or "ended", with
 * the server's words where it had some.
 * Nothing is read while the page is out of sight. Returns a function that stops it.
 */
export function follow(address, onFrame, onState) {
  let controller = null
  let retry = null
  let wait = FIRST_RETRY_MS
  let isDone = false

  async function read() {
    const attempt = (controller = new AbortController())
    try {
      const response = await inTime(fetch(address, { signal: attempt.signal, cache: "no-store" }))
      if (!response.ok) {
        const words = await response.text()
        if (response.status < 500) return finish("refused", words)
        throw new Refusal(words)
      }
      await take(response.body.getReader())
      if (!isDone) throw new Error("The stream broke off.")
    } catch (error) {
      // One that was given up on purpose, for another or for none, says nothing.
      if (isDone || attempt !== controller) return
      onState("waiting", error instanceof Refusal ? error.message : undefined)
      retry = setTimeout(read, wait)
      wait = Math.min(2 * wait, LONGEST_RETRY_MS)
    }
  }

  // What takes longer than any silence is given up.
  async function inTime(answer) {
    const attempt = controller
    const silence = setTimeout(() => attempt.abort(), SILENCE_MS)
    try {
      return await answer
    } finally {
      clearTimeout(silence)
    }
  }

  async function take(reader) {
    const decoder = new TextDecoder()
    let text = ""
    while (!isDone) {
      const { done, value } = await inTime(reader.read())
      if (done) return
      text += decoder.decode(value, { stream: true })
      const events = text.split("\n\n")
      text = events.pop()
      for (const event of events) {
        if (!event.startsWith("data: ")) continue
        const frame = JSON.parse(event.slice(6))
        wait = FIRST_RETRY_MS
        onState("live")
        onFrame(frame)
        if (frame.last) return finish("ended")
      }
    }
  }

  function finish(state, words) {
    isDone = true
    onState(state, words)
  }

  function onVisibility() {
    if (isDone) return
    giveUp()
    if (!document.hidden) read()
  }

  function giveUp() {
    clearTimeout(retry)
    const attempt = controller
    controller = null
    attempt?.abort()
  }

  document.addEventListener("visibilitychange", onVisibility)
  window.addEventListener("online", onVisibility)
  if (!document.hidden) read()
  return () => {
    isDone = true
    giveUp()
    document.removeEventListener("visibilitychange", onVisibility)
    window.removeEventListener("online", onVisibility)
  }
}
