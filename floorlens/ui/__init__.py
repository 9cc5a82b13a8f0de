"""The page: Floorlens in a browser, with Streamlit (extra `[ui]`), over HTTP to the service.

```
app      the page itself, as Streamlit runs it: no logic
views    what is shown: the drawn photo, the cards, the words for an error
client   the service's answers as Python objects
page     Streamlit around the page
```
"""
