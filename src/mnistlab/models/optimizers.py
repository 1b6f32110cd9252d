"""The optimizers of Keras 3.15. Rates are for the tutorial's model at batch 32; the tests hold
names, defaults and options against Keras itself."""

from __future__ import annotations

from mnistlab.models.choices import OptimizerChoice

_ADAM = "Kingma & Ba 2015, Adam: A Method for Stochastic Optimization"

OPTIMIZERS: dict[str, OptimizerChoice] = {
    "sgd": OptimizerChoice(
        class_name="SGD",
        what="a step down the gradient of each batch; with momentum, down its running sum",
        reference="Robbins & Monro 1951, A Stochastic Approximation Method, "
        "https://doi.org/10.1214/aoms/1177729586",
        default_rate=0.01,
        rates=(3e-3, 3e0),
        trap="has no momentum unless it is given, as in sgd:momentum=0.9",
    ),
    "rmsprop": OptimizerChoice(
        class_name="RMSprop",
        what="divides the gradient by the root of a running mean of its squares",
        reference="Hinton 2012, Neural Networks for Machine Learning, lecture 6, "
        "http://www.cs.toronto.edu/~tijmen/csc321/slides/lecture_slides_lec6.pdf",
        default_rate=0.001,
        rates=(3e-5, 3e-2),
        trap="Keras adds epsilon (1e-7) under the root: gradients well below 3e-4 stay small steps",
    ),
    "adam": OptimizerChoice(
        class_name="Adam",
        what="running means of the gradient and of its square set each weight's step",
        reference=f"{_ADAM}, https://arxiv.org/abs/1412.6980",
        default_rate=0.001,
        rates=(3e-5, 3e-2),
    ),
    "adamw": OptimizerChoice(
        class_name="AdamW",
        what="Adam with weight decay apart from the gradient",
        reference="Loshchilov & Hutter 2019, Decoupled Weight Decay Regularization, "
        "https://arxiv.org/abs/1711.05101",
        default_rate=0.001,
        rates=(3e-5, 3e-2),
        fair={"weight_decay": 0.0},
        trap="decays weights by 0.004 times the rate at each step unless told not to; "
        "without that it is Adam",
    ),
    "adadelta": OptimizerChoice(
        class_name="Adadelta",
        what="running means of squared gradients and of squared steps; the paper needs no rate",
        reference="Zeiler 2012, ADADELTA: An Adaptive Learning Rate Method, "
        "https://arxiv.org/abs/1212.5701",
        default_rate=0.001,
        rates=(3e-2, 3e1),
        trap="the paper's rate is 1, older Keras' too; at Keras 3's 0.001 it hardly moves",
    ),
    "adagrad": OptimizerChoice(
        class_name="Adagrad",
        what="divides the gradient by the root of the sum of all its squares so far",
        reference="Duchi, Hazan & Singer 2011, Adaptive Subgradient Methods for Online Learning "
        "and Stochastic Optimization, https://jmlr.org/papers/v12/duchi11a.html",
        default_rate=0.001,
        rates=(3e-3, 3e0),
        trap="older Keras' rate was 0.01 and its sums began at 0; Keras 3's are 0.001 and 0.1",
    ),
    "adamax": OptimizerChoice(
        class_name="Adamax",
        what="Adam with the largest recent gradient in place of the mean square",
        reference=f"{_ADAM}, section 7, https://arxiv.org/abs/1412.6980",
        default_rate=0.001,
        rates=(1e-4, 1e-1),
        trap="the paper's rate, and older Keras', is 0.002, twice Keras 3's",
    ),
    "adafactor": OptimizerChoice(
        class_name="Adafactor",
        what="mean squares kept by row and column only; the step is relative to the weights' size",
        reference="Shazeer & Stern 2018, Adafactor: Adaptive Learning Rates with Sublinear Memory "
        "Cost, https://arxiv.org/abs/1804.04235",
        default_rate=0.001,
        rates=(1e-3, 1e0),
        fair={"epsilon_1": 1e-16},
        trap="at Keras' epsilon_1 of 1e-30 float32 gives 0/0 where a blank pixel meets a unit that "
        "is off for a batch: NaN on MNIST; its rate is a share of the weights' size",
    ),
    "nadam": OptimizerChoice(
        class_name="Nadam",
        what="Adam with Nesterov's momentum",
        reference="Dozat 2015, Incorporating Nesterov Momentum into Adam, "
        "http://cs229.stanford.edu/proj2015/054_report.pdf",
        default_rate=0.001,
        rates=(3e-5, 3e-2),
        trap="older Keras' rate was 0.002, twice Keras 3's",
    ),
    "ftrl": OptimizerChoice(
        class_name="Ftrl",
        what="weights anew at each step from the sum of all gradients so far",
        reference="McMahan et al. 2013, Ad Click Prediction: a View from the Trenches, "
        "https://research.google.com/pubs/archive/41159.pdf",
        default_rate=0.001,
        rates=(1e-2, 1e1),
        trap="made for shallow, sparse models; it all but forgets the initial weights "
        "at its first step, and learns only within a decade of rates",
    ),
    "lion": OptimizerChoice(
        class_name="Lion",
        what="moves every weight by the rate, in the direction of the momentum's sign",
        reference="Chen et al. 2023, Symbolic Discovery of Optimization Algorithms, "
        "https://arxiv.org/abs/2302.06675",
        default_rate=0.001,
        rates=(3e-6, 3e-3),
        trap="wants a rate 3 to 10 times below Adam's; Keras' default is Adam's",
    ),
    "lamb": OptimizerChoice(
        class_name="Lamb",
        what="Adam's direction, its length scaled to that of each layer's weights",
        reference="You et al. 2020, Large Batch Optimization for Deep Learning: Training BERT in "
        "76 minutes, https://arxiv.org/abs/1904.00962",
        default_rate=0.001,
        rates=(1e-4, 1e-1),
        trap="made for large batches; biases, which begin at 0, grow slowly; "
        "keras.optimizers.get('lamb') fails, keras.optimizers.Lamb does not",
    ),
    "muon": OptimizerChoice(
        class_name="Muon",
        what="momentum made orthogonal for weight matrices; Adam for biases",
        reference="Jordan et al. 2024, Muon: An optimizer for hidden layers in neural networks, "
        "https://kellerjordan.github.io/posts/muon/; Keras scales as Liu et al. 2025, Muon is "
        "Scalable for LLM Training, https://arxiv.org/abs/2502.16982",
        default_rate=0.001,
        rates=(3e-5, 3e-2),
        fair={"weight_decay": 0.0, "adam_weight_decay": 0.0},
        trap="decays weights by 0.004 times the rate unless told not to; takes the last layer for "
        "a hidden one, which its authors leave to Adam; slow: 15 more matrix products a layer",
    ),
    "schedule_free_adamw": OptimizerChoice(
        class_name="ScheduleFreeAdamW",
        what="Adam's steps averaged over time in place of a schedule; no weight decay by default",
        reference="Defazio et al. 2024, The Road Less Scheduled, https://arxiv.org/abs/2405.15682",
        default_rate=0.0025,
        rates=(1e-4, 1e-1),
        trap="Keras tests the model at the point where gradients are taken, "
        "not at the average that the paper tests",
    ),
}
