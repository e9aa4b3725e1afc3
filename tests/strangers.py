"""What strangers may type, send or put into a link: signs that something or other acts on."""

from __future__ import annotations

#: As long as a name of an entrant may be, with the signs of Markdown, of addresses, of HTML, of
#: Streamlit's own directives, of LaTeX, and of what Plotly reads.
NAMES = (
    "![x](//evil.example/x)",
    "[a](javascript:alert(1)) <b>bold</b>",
    "https://evil.example/ www.evil.example",
    "<https://evil.example/x> a@evil.example",
    "<img src=x onerror=alert(1)>",
    "</pre><b>b</b><script>alert(1)</script>",
    ":red[x] :material/home: :streamlit: :+1:",
    "$x$ $$y$$ `z` # h &lt; &amp; \\u{i}",
    '<a href="//evil.example">a</a><sup>b<br>',
    "%{meta.scope} %{x} |a|b| c -> d -- **e",
)
#: All that is in them, in few texts, for places of which each is a page of its own.
WORDS = (NAMES[0], NAMES[2], NAMES[4], NAMES[6], NAMES[9])
#: Ends of lines, a word that turns others round, what is nothing to see, half a character, and
#: more of all that than anybody reads.
UNSEEN = "a\nb\r\n\n# c\n\n    d\x00\u202ee\u200bf\u2066g\ufeff"
LONG = (UNSEEN + "![x](//evil.example/x)") * 250
