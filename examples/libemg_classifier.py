"""FINs inside LibEMG's offline classifier, with its rejection and majority vote.

LibEMG 2.0 wants NumPy 1 and JAX wants NumPy 2, so give them an environment of their own:

pip install -r requirements.txt libemg && pip install 'numpy>=2'
python -m examples.libemg_classifier

Online, LibEMG starts processes. A process that has used JAX hangs after a fork, so call
multiprocessing.set_start_method("spawn") first, below `if __name__ == "__main__":`. Over TCP, LibEMG's classifier
listens and receivers connect to it; `finjax live --to-tcp` connects to a receiver that listens.
"""

import numpy as np

np.float_ = np.float64  # noqa: NPY201  LibEMG 2.0.3 uses this name of NumPy 1 when it is imported

from libemg.emg_predictor import EMGClassifier  # noqa: E402
from libemg.offline_metrics import OfflineMetrics  # noqa: E402

from examples.cross_validate import windows_of  # noqa: E402
from finjax.estimator import FINClassifier, FINFeatures  # noqa: E402


def main(steps: int = 300, tune_steps: int = 30) -> None:
    """Prints LibEMG's own metrics on a repetition that was not trained on."""
    windows, movements, repetitions = windows_of(subject=1)
    names, labels = np.unique(movements, return_inverse=True)  # LibEMG counts classes
    known = repetitions < 3
    classifier = EMGClassifier(FINClassifier(FINFeatures(steps=steps), tune_steps=tune_steps))
    classifier.fit({"training_features": windows[known], "training_labels": labels[known]})
    classifier.add_majority_vote(3)
    found, _ = classifier.run(windows[~known])
    print(names.tolist(), OfflineMetrics().extract_offline_metrics(["CA", "INS"], labels[~known], np.array(found)))


if __name__ == "__main__":
    main()
