"""`floorlens eval`: measures the pipeline on a folder of photos.

```
pairs         a room and the product on its floor
ranking       graded judgments
masks         true floor masks; clicks, robustness: what is done to a photo to measure more
simulated     rooms simulated with the products
datasets      reads the folders
metrics       ranks, nDCG, mask overlap, intervals
measured      the lens that is measured, on a temporary catalogue
searches      what pairs, ranking and simulated share
worst_cases   the page of what went worst
```
"""
