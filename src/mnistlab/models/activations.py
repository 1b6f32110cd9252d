"""The activations of Keras 3.15, as hidden layers have them."""

from __future__ import annotations

from mnistlab.models.choices import ActivationChoice

_KERAS = "Keras' documentation, https://keras.io/api/layers/activations/"
_BLONDEL = (
    "Blondel, Martins & Niculae 2019, Learning with Fenchel-Young Losses, "
    "https://arxiv.org/abs/1901.02324"
)
_MOBILE = "Howard et al. 2019, Searching for MobileNetV3, https://arxiv.org/abs/1905.02244"
_BRIDLE = (
    "Bridle 1990, Probabilistic Interpretation of Feedforward Classification Network Outputs, with "
    "Relationships to Statistical Pattern Recognition, "
    "https://doi.org/10.1007/978-3-642-76153-9_28"
)
_SHRINKAGE = (
    "Donoho & Johnstone 1994, Ideal spatial adaptation by wavelet shrinkage, "
    "https://doi.org/10.1093/biomet/81.3.425"
)
_HE = "he_normal"
_SHARED = "made for a last layer: the units of a layer share a sum of 1, so each gives very little"
_FLAT = "no gradient beyond its flat ends"

ACTIVATIONS: dict[str, ActivationChoice] = {
    "celu": ActivationChoice(
        what="x above 0, a smooth exponential down to -1 below",
        reference="Barron 2017, Continuously Differentiable Exponential Linear Units, "
        "https://arxiv.org/abs/1704.07483",
        initializer=_HE,
        trap="at Keras' alpha of 1 it is elu",
    ),
    "elu": ActivationChoice(
        what="x above 0, e^x - 1 below",
        reference="Clevert, Unterthiner & Hochreiter 2016, Fast and Accurate Deep Network Learning "
        "by Exponential Linear Units (ELUs), https://arxiv.org/abs/1511.07289",
        initializer=_HE,
    ),
    "exponential": ActivationChoice(
        what="e^x",
        reference=_KERAS,
        trap="grows without bound from layer to layer; it diverges at rates that others bear",
    ),
    "gelu": ActivationChoice(
        what="x times the normal distribution's share below x",
        reference="Hendrycks & Gimpel 2016, Gaussian Error Linear Units (GELUs), "
        "https://arxiv.org/abs/1606.08415",
        initializer=_HE,
    ),
    "glu": ActivationChoice(
        what="half of the units, each times the sigmoid of one of the other half",
        reference="Dauphin et al. 2017, Language Modeling with Gated Convolutional Networks, "
        "https://arxiv.org/abs/1612.08083",
        refused="it halves the number of units, so no layer of the asked size comes out",
    ),
    "hard_shrink": ActivationChoice(
        what="x, but 0 from -0.5 to 0.5",
        reference=_SHRINKAGE,
        trap="a new network's values mostly lie from -0.5 to 0.5, where it gives 0 and no gradient",
    ),
    "hard_sigmoid": ActivationChoice(
        what="sigmoid of straight lines: 0, x/6 + 0.5, 1",
        reference=_MOBILE,
        trap=f"{_FLAT}, at -3 and 3; older Keras' slope was 0.2",
    ),
    "hard_silu": ActivationChoice(
        what="x times hard_sigmoid(x); also called hard_swish",
        reference=_MOBILE,
        initializer=_HE,
    ),
    "hard_tanh": ActivationChoice(
        what="x, cut off at -1 and 1",
        reference="Collobert 2004, Large Scale Machine Learning (thesis, Université Paris 6)",
        trap=_FLAT,
    ),
    "leaky_relu": ActivationChoice(
        what="x above 0, 0.2 x below",
        reference="Maas, Hannun & Ng 2013, Rectifier Nonlinearities Improve Neural Network "
        "Acoustic Models",
        initializer=_HE,
        trap="Keras' slope below 0 is 0.2; the paper's is 0.01",
    ),
    "linear": ActivationChoice(
        what="x",
        reference="Saxe, McClelland & Ganguli 2014, Exact solutions to the nonlinear dynamics of "
        "learning in deep linear neural networks, https://arxiv.org/abs/1312.6120",
        trap="however many layers, the model is a linear one: about 92 % on MNIST",
    ),
    "log_sigmoid": ActivationChoice(
        what="log of the sigmoid: near x far below 0, near 0 above",
        reference=_KERAS,
        trap="all outputs are below 0, and about -0.7 in a new network",
    ),
    "log_softmax": ActivationChoice(
        what="log of softmax over the layer's units",
        reference=_BRIDLE,
        trap="made for a last layer; with 128 units a new network's outputs are all about -4.9",
    ),
    "mish": ActivationChoice(
        what="x times tanh of softplus(x)",
        reference="Misra 2019, Mish: A Self Regularized Non-Monotonic Activation Function, "
        "https://arxiv.org/abs/1908.08681",
        initializer=_HE,
    ),
    "relu": ActivationChoice(
        what="x above 0, 0 below",
        reference="Nair & Hinton 2010, Rectified Linear Units Improve Restricted Boltzmann "
        "Machines; Glorot, Bordes & Bengio 2011, Deep Sparse Rectifier Neural Networks, "
        "https://proceedings.mlr.press/v15/glorot11a.html",
        initializer=_HE,
        trap="a unit that is below 0 for every image stays there",
    ),
    "relu6": ActivationChoice(
        what="relu, cut off at 6",
        reference="Krizhevsky 2010, Convolutional Deep Belief Networks on CIFAR-10",
        initializer=_HE,
        trap="a unit that is below 0, or above 6, for every image stays there",
    ),
    "selu": ActivationChoice(
        what="elu scaled so that means and variances keep from layer to layer",
        reference="Klambauer et al. 2017, Self-Normalizing Neural Networks, "
        "https://arxiv.org/abs/1706.02515",
        initializer="lecun_normal",
        trap="needs lecun_normal weights for what it promises; a Dense layer's are glorot_uniform",
    ),
    "sigmoid": ActivationChoice(
        what="1 / (1 + e^-x), from 0 to 1",
        reference="Rumelhart, Hinton & Williams 1986, Learning representations by back-propagating "
        "errors, https://doi.org/10.1038/323533a0",
        trap="its slope is 1/4 at most, so each layer shrinks the gradient",
    ),
    "silu": ActivationChoice(
        what="x times sigmoid(x); also called swish",
        reference="Elfwing, Uchibe & Doya 2017, Sigmoid-Weighted Linear Units for Neural Network "
        "Function Approximation in Reinforcement Learning, https://arxiv.org/abs/1702.03118",
        initializer=_HE,
    ),
    "soft_shrink": ActivationChoice(
        what="x brought nearer to 0 by 0.5; 0 from -0.5 to 0.5",
        reference=_SHRINKAGE,
        trap="a new network's values mostly lie from -0.5 to 0.5, where it gives 0 and no "
        "gradient: after column normalisation the tutorial's model learns nothing",
    ),
    "softmax": ActivationChoice(
        what="e^x over the sum of all units' e^x",
        reference=_BRIDLE,
        trap=_SHARED,
    ),
    "softplus": ActivationChoice(
        what="log(1 + e^x), a smooth relu",
        reference="Dugas et al. 2001, Incorporating Second-Order Functional Knowledge for Better "
        "Option Pricing",
        trap="all outputs are above 0, and about 0.7 in a new network",
    ),
    "softsign": ActivationChoice(
        what="x / (1 + |x|), from -1 to 1",
        reference="Glorot & Bengio 2010, Understanding the difficulty of training deep feedforward "
        "neural networks, https://proceedings.mlr.press/v9/glorot10a.html",
    ),
    "sparse_plus": ActivationChoice(
        what="0 below -1, x above 1, a parabola between",
        reference=_BLONDEL,
        trap="a unit that is below -1 for every image stays there",
    ),
    "sparse_sigmoid": ActivationChoice(
        what="sigmoid of straight lines: 0, (x + 1)/2, 1",
        reference=_BLONDEL,
        trap=f"{_FLAT}, at -1 and 1",
    ),
    "sparsemax": ActivationChoice(
        what="the nearest point to x of all that sum to 1; many units are 0",
        reference="Martins & Astudillo 2016, From Softmax to Sparsemax: A Sparse Model of "
        "Attention and Multi-Label Classification, https://arxiv.org/abs/1602.02068",
        trap="Keras 3.15 gets its threshold wrong (issue 23425, mended since): the outputs do not "
        "sum to 1, mostly they are all 0, and a hidden layer of it learns nothing",
    ),
    "squareplus": ActivationChoice(
        what="(x + sqrt(x² + 4)) / 2, a smooth relu",
        reference="Barron 2021, Squareplus: A Softplus-Like Algebraic Rectifier, "
        "https://arxiv.org/abs/2112.11687",
        trap="all outputs are above 0, and about 1 in a new network",
    ),
    "tanh": ActivationChoice(
        what="hyperbolic tangent, from -1 to 1",
        reference="LeCun, Bottou, Orr & Müller 1998, Efficient BackProp, "
        "https://doi.org/10.1007/3-540-49430-8_2",
    ),
    "tanh_shrink": ActivationChoice(
        what="x - tanh(x)",
        reference=_KERAS,
        trap="x³/3 near 0, where a new network's values lie: hardly any output or gradient there",
    ),
    "threshold": ActivationChoice(
        what="x above a threshold, a value of one's own below",
        reference=_KERAS,
        refused="it needs a threshold and a value, for which Keras has no defaults",
    ),
}
