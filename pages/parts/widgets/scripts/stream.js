// Follows live data: reads server-sent events, and begins again by itself when they break off.

// A stream sends a sign of life every five seconds; without any for so long it is lost.
const SILENCE_MS = 12_000
const FIRST_RETRY_MS = 500
const LONGEST_RETRY_MS = 5_000

/**
 * Read the events at an address until one is the last. `onFrame(frame)` gets each one;
 * `onState(state, words)` hears "live", "waiting" (and goes on trying), "refused" or "ended".
 * Nothing is read while the page is out of sight. Returns a function that stops it.
 */
export function follow(address, onFrame, onState) {
  let controller = null
  let retry = null
  let wait = FIRST_RETRY_MS
  let isDone = false

  async function read() {
    controller = new AbortController()
    const { signal } = controller
    try {
      const response = await fetch(address, { signal, cache: "no-store" })
      if (!response.ok) {
        const words = await response.text()
        if (response.status < 500) return finish("refused", words)
        throw new Error(words)
      }
      await take(response.body.getReader(), signal)
      if (!isDone && !signal.aborted) throw new Error("The stream broke off.")
    } catch (error) {
      if (isDone || signal.aborted && document.hidden) return
      onState("waiting")
      retry = setTimeout(read, wait)
      wait = Math.min(2 * wait, LONGEST_RETRY_MS)
    }
  }

  async function take(reader, signal) {
    const decoder = new TextDecoder()
    let text = ""
    while (!isDone) {
      const silence = setTimeout(() => controller.abort(), SILENCE_MS)
      const { done, value } = await reader.read()
      clearTimeout(silence)
      if (done || signal.aborted) return
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
    clearTimeout(retry)
    controller?.abort()
    if (!document.hidden) read()
  }

  document.addEventListener("visibilitychange", onVisibility)
  window.addEventListener("online", onVisibility)
  if (!document.hidden) read()
  return () => {
    isDone = true
    clearTimeout(retry)
    controller?.abort()
    document.removeEventListener("visibilitychange", onVisibility)
    window.removeEventListener("online", onVisibility)
  }
}
