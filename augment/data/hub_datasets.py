"""Read and save data sets with the library `datasets`: from the hub and from folders. Does not interpret splits.

Out: one table per part, such as "train", with class labels as names. Imported only when a data set is needed.
"""

from pathlib import Path

import datasets
import pandas as pd

Parts = dict[str, pd.DataFrame]


def load_hub(name: str) -> Parts:
    """Load a data set from the Hugging Face hub. Raises what the library raises: a dozen types of exceptions."""
    return _to_parts(datasets.load_dataset(name))


def load_folder(folder: Path) -> Parts:
    """Load a folder that `Dataset.save_to_disk` or `DatasetDict.save_to_disk` wrote. Raises what the library raises."""
    return _to_parts(datasets.load_from_disk(str(folder), keep_in_memory=True))


def save_folder(arrow_file: Path, folder: Path) -> None:
    """Save a file of Arrow batches as a folder that `load_from_disk` reads."""
    datasets.Dataset.from_file(str(arrow_file)).save_to_disk(folder)


def _to_parts(loaded: datasets.Dataset | datasets.DatasetDict) -> Parts:
    parts = dict(loaded.items()) if isinstance(loaded, datasets.DatasetDict) else {"all": loaded}
    return {str(name): _to_table(part) for name, part in parts.items()}


def _to_table(part: datasets.Dataset) -> pd.DataFrame:
    table: pd.DataFrame = part.to_pandas()
    for column, feature in part.features.items():
        if isinstance(feature, datasets.ClassLabel):  # stored as numbers
            table[column] = [feature.int2str(int(value)) if value >= 0 else "" for value in table[column]]
    return table
