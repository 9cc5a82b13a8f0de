"""The page: Floorlens in a browser, with Streamlit (extra `[ui]`), over HTTP to the service
(`floorlens.client`).

```
app      the page itself, as Streamlit runs it: no logic
views    its parts: the photo with the floor drawn on it, the product cards, the text of an error
page     runs the page with Streamlit
```
"""
