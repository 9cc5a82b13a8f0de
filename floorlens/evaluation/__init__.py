"""`floorlens eval`: measures the pipeline on a folder of photos.

```
pairs         a room and the product on its floor
ranking       graded judgments
masks         true floor masks
simulated     rooms simulated with the products
attributes    pictures of products and the words that a person gave them
compare       two files of one of these: what changed, by photo
report        all that the evaluation document says, measured piece by piece
document      of report: the document, Markdown with diagrams (charts)
systems       of report: the pipeline, without a part of it, and simpler ones (baselines)
curves        of report: disturbed photos and masks
slices        of report: sources, patterns, materials
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
