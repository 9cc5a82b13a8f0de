"""`floorlens eval`: measures the pipeline on a folder of photos.

```
pairs         a room and the product on its floor
ranking       graded judgments
masks         true floor masks
simulated     rooms simulated with the products
compare       two files of one of these: what changed, by photo
clicks        of masks: where a person would click next
robustness    of masks: photos as other cameras would have taken them
datasets      reads the folders
metrics       ranks, nDCG, mask overlap, intervals
paired        the difference of two systems on the same photos
measured      the lens that is measured, on a temporary catalogue
searches      what pairs, ranking and simulated share
worst_cases   the page of what went worst
```
"""
