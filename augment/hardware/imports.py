"""One thread at a time imports heavy libraries or loads models. Loads no library.

Pages, the job runner and the consensus thread may each be the first to need torch, transformers or scikit-learn. Two
threads that import such a package at once can see half of it ("cannot import name", "operator does not exist").
transformers also imports parts of itself while it loads a model, so models are loaded under the same lock.
"""

from threading import RLock

importing_alone = RLock()
