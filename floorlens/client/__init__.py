"""A service of Floorlens, asked from another program, over HTTP (extra `[client]`).

```
clients    Client and AsyncClient: they send calls
calls      one request, and how its answer is read
searches   calls about searches: photos, floors, rankings, feedback
products   calls about the catalogue's products
jobs       calls about imports and other work in the background
state      calls about the state of the service
answers    what the service answers, as objects
events     an answer that comes in parts
attempts   when a call is tried again
```
"""

from floorlens.client.clients import AsyncClient, Client
from floorlens.client.searches import UNCHANGED
from floorlens.errors import ServiceError, ServiceUnreachable
from floorlens.segmentation import Click

__all__ = [
    "UNCHANGED",
    "AsyncClient",
    "Click",
    "Client",
    "ServiceError",
    "ServiceUnreachable",
]
