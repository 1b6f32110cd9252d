"""The losses of Keras 3.15 and the last layers that fit them."""

from __future__ import annotations

from typing import Any

from mnistlab.models.choices import LossChoice

_KERAS = "https://keras.io/api/losses/regression_losses/"
_BRIDLE = (
    "Bridle 1990, Probabilistic Interpretation of Feedforward Classification Network Outputs, with "
    "Relationships to Statistical Pattern Recognition, "
    "https://doi.org/10.1007/978-3-642-76153-9_28"
)
_FOCAL = "Lin et al. 2017, Focal Loss for Dense Object Detection, https://arxiv.org/abs/1708.02002"

_CLIPPED = "after softmax it is clipped at 1e-7 on JAX and torch: a confident error has no gradient"
_TENTH = "averaged over the classes: with ten, its gradients are a tenth the size of a sum's"

_LOG_LOSS: dict[str, Any] = {
    "last_activations": ("softmax", "linear"),
    "from_logits": True,
    "needs": "probabilities that sum to 1, or logits, which it brings there itself",
}
_YES_OR_NO: dict[str, Any] = {
    "target": "one-hot",
    "last_activations": ("sigmoid", "linear", "softmax"),
    "from_logits": True,
    "needs": "a probability for each class, or logits, to which it applies sigmoid itself",
}
_DISTANCE: dict[str, Any] = {
    "target": "one-hot",
    "last_activations": ("softmax", "sigmoid", "linear"),
    "needs": "an output for each class that can be brought near 0 and 1",
}
_DISTRIBUTION: dict[str, Any] = {
    "last_activations": ("softmax",),
    "needs": "probabilities that sum to 1; otherwise an output of 1 for every class is as good",
}
_OVERLAP: dict[str, Any] = {
    "target": "one-hot",
    "last_activations": ("softmax", "sigmoid"),
    "needs": "a share from 0 to 1 for each class",
}

LOSSES: dict[str, LossChoice] = {
    "sparse_categorical_crossentropy": LossChoice(
        what="minus the log of the probability of the true class",
        reference=_BRIDLE,
        target="sparse",
        **_LOG_LOSS,
        trap=_CLIPPED,
    ),
    "categorical_crossentropy": LossChoice(
        what="the same with one-hot labels",
        reference=_BRIDLE,
        target="one-hot",
        **_LOG_LOSS,
        trap=_CLIPPED,
        smooths=True,
    ),
    "categorical_focal_crossentropy": LossChoice(
        what="cross-entropy that weighs down what is already right",
        reference=_FOCAL,
        target="one-hot",
        **_LOG_LOSS,
        trap="times alpha (0.25), so its rates are others; Keras clips it at 1e-7 from logits too",
        smooths=True,
    ),
    "categorical_generalized_cross_entropy": LossChoice(
        what="between cross-entropy (q near 0) and absolute error (q near 1); q is 0.5",
        reference="Zhang & Sabuncu 2018, Generalized Cross Entropy Loss for Training Deep Neural "
        "Networks with Noisy Labels, https://arxiv.org/abs/1805.07836",
        target="sparse",
        **_DISTRIBUTION,
        trap="keras.losses.get does not know its name; the class is "
        "keras.losses.CategoricalGeneralizedCrossEntropy",
    ),
    "kl_divergence": LossChoice(
        what="Kullback-Leibler divergence of the outputs from the labels",
        reference="Kullback & Leibler 1951, On Information and Sufficiency, "
        "https://doi.org/10.1214/aoms/1177729694",
        target="one-hot",
        **_DISTRIBUTION,
        trap="on one-hot labels it is cross-entropy, clipped at 1e-7 on every backend",
    ),
    "poisson": LossChoice(
        what="minus the log-likelihood of counts whose rates are the outputs",
        reference="Nelder & Wedderburn 1972, Generalized Linear Models, "
        "https://doi.org/10.2307/2344614",
        target="one-hot",
        last_activations=("softmax", "softplus", "exponential"),
        needs="positive outputs, the rates of counts",
        trap=f"with softmax it is cross-entropy plus a constant, {_TENTH}",
    ),
    "binary_crossentropy": LossChoice(
        what="cross-entropy of a yes-or-no question for each class",
        reference="Cox 1958, The Regression Analysis of Binary Sequences, "
        "https://doi.org/10.1111/j.2517-6161.1958.tb00292.x",
        **_YES_OR_NO,
        trap=_TENTH,
        smooths=True,
    ),
    "binary_focal_crossentropy": LossChoice(
        what="the same, weighing down what is already right",
        reference=_FOCAL,
        **_YES_OR_NO,
        trap=f"{_TENTH}; Keras clips it at 1e-7 from logits too",
        smooths=True,
    ),
    "mean_squared_error": LossChoice(
        what="mean square of output minus target (Brier's score, with softmax)",
        reference="Hui & Belkin 2021, Evaluation of Neural Architectures Trained with Square Loss "
        "vs Cross-Entropy in Classification Tasks, https://arxiv.org/abs/2006.07322",
        **_DISTANCE,
        trap=f"{_TENTH}; after softmax or sigmoid a confident error has hardly any gradient",
    ),
    "mean_absolute_error": LossChoice(
        what="mean of the absolute differences of output and target",
        reference="Ghosh, Kumar & Sastry 2017, Robust Loss Functions under Label Noise for Deep "
        "Neural Networks, https://arxiv.org/abs/1712.09482",
        target="one-hot",
        last_activations=("softmax",),
        needs="probabilities that sum to 1; else 0 for every class does best on most targets",
        trap=f"{_TENTH}; robust to wrong labels, but slow: some classes may not be learnt at all",
    ),
    "mean_squared_logarithmic_error": LossChoice(
        what="mean square of the difference of log(1 + output) and log(1 + target)",
        reference=f"Keras' documentation, {_KERAS}",
        target="one-hot",
        last_activations=("softmax", "sigmoid"),
        needs="outputs above 0, below which it is flat",
        trap=f"{_TENTH}; made for targets over many magnitudes, of which 0 and 1 have none",
    ),
    "huber": LossChoice(
        what="squared error up to 1, absolute error beyond",
        reference="Huber 1964, Robust Estimation of a Location Parameter, "
        "https://doi.org/10.1214/aoms/1177703732",
        **_DISTANCE,
        trap=f"after softmax or sigmoid no error passes 1: it is half the squared error; {_TENTH}",
    ),
    "log_cosh": LossChoice(
        what="log of the hyperbolic cosine of the error: near squared, then absolute",
        reference="Saleh & Saleh 2022, Statistical Properties of the log-cosh Loss Function Used "
        "in Machine Learning, https://arxiv.org/abs/2208.04564",
        **_DISTANCE,
        trap=f"after softmax or sigmoid nearly half the squared error; {_TENTH}",
    ),
    "cosine_similarity": LossChoice(
        what="minus the cosine of the angle between outputs and one-hot label",
        reference="Barz & Denzler 2020, Deep Learning on Small Datasets without Pre-Training using "
        "Cosine Loss, https://arxiv.org/abs/1901.09054",
        target="one-hot",
        last_activations=("softmax", "linear", "sigmoid"),
        needs="outputs as a direction, with the true class far from 0",
        trap="goes from 1 down to -1: a negative loss is a good one",
    ),
    "dice": LossChoice(
        what="1 minus Dice's overlap of outputs and labels",
        reference="Milletari, Navab & Ahmadi 2016, V-Net: Fully Convolutional Neural Networks for "
        "Volumetric Medical Image Segmentation, https://arxiv.org/abs/1606.04797",
        **_OVERLAP,
        trap="one value for the whole batch: made for pictures, it depends on the batch size",
    ),
    "tversky": LossChoice(
        what="Dice with its own weights for false positives and negatives",
        reference="Salehi, Erdogmus & Gholipour 2017, Tversky loss function for image segmentation "
        "using 3D fully convolutional deep networks, https://arxiv.org/abs/1706.05721",
        **_OVERLAP,
        trap="one value for the whole batch; at Keras' alpha = beta = 0.5 it is dice",
    ),
    "hinge": LossChoice(
        what="how far each class's score falls short of the margin, 1 against -1",
        reference="Cortes & Vapnik 1995, Support-Vector Networks, "
        "https://doi.org/10.1007/BF00994018",
        target="one-hot",
        last_activations=("linear",),
        needs="scores of either sign, free to pass -1 and 1 (tanh gets stuck at -1)",
        trap=f"{_TENTH}; scores are no probabilities",
    ),
    "squared_hinge": LossChoice(
        what="the square of the hinge",
        reference="Tang 2013, Deep Learning using Linear Support Vector Machines, "
        "https://arxiv.org/abs/1306.0239",
        target="one-hot",
        last_activations=("linear", "tanh"),
        needs="scores of either sign, as it takes the targets for -1 and 1",
        trap=f"{_TENTH}; scores are no probabilities",
    ),
    "categorical_hinge": LossChoice(
        what="how far the true class's score falls short of the best other's plus 1",
        reference="Crammer & Singer 2001, On the Algorithmic Implementation of Multiclass "
        "Kernel-based Vector Machines, https://jmlr.org/papers/v2/crammer01a.html",
        target="one-hot",
        last_activations=("linear", "tanh", "softmax"),
        needs="scores that can lie 1 apart",
        trap="in Keras the best other score is at least 0, so the true one must reach 1",
    ),
    "mean_absolute_percentage_error": LossChoice(
        what="absolute error in percent of the target",
        reference=f"Keras' documentation, {_KERAS}",
        target="one-hot",
        last_activations=("softmax",),
        needs="targets other than 0",
        refused="it divides by the target, and nine targets of ten are zero",
    ),
    "ctc": LossChoice(
        what="aligns a sequence of outputs with a shorter sequence of labels",
        reference="Graves et al. 2006, Connectionist Temporal Classification, "
        "https://doi.org/10.1145/1143844.1143891",
        target="sparse",
        last_activations=("linear",),
        needs="logits for each step of a sequence",
        refused="it aligns sequences, and a digit has one label",
    ),
    "circle": LossChoice(
        what="pulls embeddings of one class together, pushes those of others away",
        reference="Sun et al. 2020, Circle Loss: A Unified Perspective of Pair Similarity "
        "Optimization, https://arxiv.org/abs/2002.10857",
        target="sparse",
        last_activations=("linear",),
        needs="embeddings of length 1",
        refused="it compares embeddings within a batch and predicts no class",
    ),
}
