// Has plotly.js, which the page's charts will need, loaded while the page is still being built.

import { prepare } from "./chart.js"

const { plotly } = document.querySelector("script[data-plotly]").dataset

// Not before something is to be seen.
const painted = new PerformanceObserver((entries) => {
  if (!entries.getEntriesByName("first-contentful-paint").length) return
  painted.disconnect()
  prepare(plotly)
})
painted.observe({ type: "paint", buffered: true })
