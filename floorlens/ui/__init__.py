"""The page: Floorlens in a browser, with Streamlit (extra `[ui]`), over HTTP to the service
(`floorlens.client`). It has no logic of its own: what ranks, filters and measures is the service.

```
page        starts the page, and a service of the samples where it has no other
server      the web application: Streamlit, uploads, pictures of the service passed on
addresses   where a browser finds those
assets      scripts and styles that a browser fetches once
rooms       the sample rooms of the first screen
photos      photos that only the page has, until the service keeps the search
app         what Streamlit runs at every click
frame       look and navigation
visit       what one visitor has: photo, wish, answer
asking      wishes, asked of the service
early       searches that begin as soon as a photo is here
states      what is said when something is amiss
texts       every English string
markdown    texts of others within Streamlit's Markdown
find/       the page "Find a floor"
batch/      the page "Several rooms"
catalogue/  the page "Catalogue"
evaluation/ the page "Evaluate"
admin       the key of those who look after the catalogue
tickets     what stands for that key in a browser that sends a file
jobs        work of the service in the background: progress and reports
components/ elements of its own, in JavaScript
```
"""
