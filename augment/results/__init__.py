"""Training's results: stored training runs → comparisons, charts, sentences and a report. Pure.

What may be claimed, on every page and in the report alike:

- A comparison (`comparison.Difference`) is one variant at one size against its baseline, the same kind of classifier on
  the seeds only, at the RNG seeds that both have. It has one interval and at most one p, wherever it is shown.
- The interval of a gain is a bootstrap over test texts and RNG seeds (`bootstrap`) wherever all its runs stored their
  predictions; with one RNG seed over test texts only. Without predictions it is a t interval over RNG seeds. No
  interval leaves the possible range: 0 to 1 for a score, -1 to 1 for a gain. Bands of curves and scores of single
  points are t intervals over RNG seeds: they are no comparison.
- A verdict ("better", "worse") needs p below 0.05, adjusted by Holm's method over all variants, each at its largest
  size. The size is fixed before the figures are seen; other sizes have an interval, and no p and no verdict. One RNG
  seed gives no verdict: the chance in training is then unknown.
- A headline (`headlines`, `recommended.answer`) names the best or the recommended variant with its size, points and
  evidence, and with the same care every variant that is worse. The recommendation is chosen on validation texts; only
  its gain is of the test texts. Real texts, the ceiling, never win.
- What review gained (`review_gains`) compares each use with raw at the largest size that these two share, names the
  size, and calls texts the same only where they are.
- What weakens a claim is said beside it (`cautions`): a small or one-sided test split, metrics that disagree, too few
  RNG seeds, real texts below the seeds.
- The next step (`next_steps`) is about the variant that the headline names. It proposes no review or training that was
  done already.
"""
