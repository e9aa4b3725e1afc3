"""The contract of each loss: what it takes, what it promises and when to use it.

One card a loss, under the loss's key in the catalogue. What the catalogue says already
(link, unit, range, reduction, encoding) is not said again. Formulas and symbols are LaTeX;
``y`` is the target, ``\\hat{y}`` what the network says, ``z`` its logits.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Card:
    """What to know of one loss before using it.

    ``example_formula`` holds (caption, LaTeX) pairs for a single example, one for each form
    of the loss; ``batch_formula`` is the LaTeX of the number that training makes small.
    ``symbols`` are (LaTeX, meaning) pairs of what the formulas name. ``takes`` and ``target``
    are the two arguments of the PyTorch call. All other fields are sentences.
    """

    summary: str
    example_formula: tuple[tuple[str, str], ...]
    batch_formula: str
    symbols: tuple[tuple[str, str], ...]
    takes: str
    target: str
    proper_scoring_rule: str
    noise_model: str
    use_when: str
    avoid_when: str
    gradient: str
    source: str


# ------------------------------------------------------------------ shared words

_N = ("N", "number of examples in the batch")
_C = ("C", "number of classes")
_OUTPUTS = ("C", "number of outputs")
_Z = ("z", "logits: the network's raw scores, any real number")
_Y_ONE_HOT = ("y", "target: 1 for the true class, 0 for the others")
_Y_BINARY = ("y", "target: 1 or 0")
_Y_VALUE = ("y", "target: the measured value")
_P = (r"\hat{y}", "predicted probability")
_PREDICTION = (r"\hat{y}", "predicted value")
_TRUE_CLASS = ("t", "the true class")
_SIGMA = (r"\sigma", "the sigmoid, which turns one logit into a probability")
_ERROR = ("e", "error: prediction minus target")

_MEAN_OF_LOSSES = r"\frac{1}{N} \sum_{n=1}^{N} L_n"
_MEAN_OVER_OUTPUTS = r"\frac{1}{N C} \sum_{n=1}^{N} \sum_{i=1}^{C} L_{n,i}"

_CLASS_LOGITS = "Logits, float, shape [N, C], before any softmax."
_CLASS_IDS = "Class ids 0 to C-1, int64, shape [N]."
_ZEROS_AND_ONES = "0 or 1 (or a probability between), float, the same shape as the input."
_VALUES = "Predicted values, float, shape [N] or [N, C]."
_TARGET_VALUES = "Real values, float, exactly the shape of the predictions."
_NOT_FOR_VALUES = "Does not apply to a single predicted value."


# ------------------------------------------------------------------ classes

_CROSS_ENTROPY = Card(
    summary="It measures how surprised the network is by the true class: "
    "minus the logarithm of the probability that it gave to that class.",
    example_formula=(
        (
            "Two classes",
            r"L(y, \hat{y}) = -\left[y \log \hat{y} + (1 - y) \log (1 - \hat{y})\right]",
        ),
        ("C classes", r"L(y, \hat{y}) = -\sum_{i=1}^{C} y_i \log \hat{y}_i"),
        (
            "From logits, with true class t",
            r"L = -z_t + \log \sum_{i=1}^{C} e^{z_i}",
        ),
    ),
    batch_formula=r"J = -\frac{1}{N} \sum_{n=1}^{N} \sum_{i=1}^{C} y_{n,i} \log \hat{y}_{n,i}",
    symbols=(_Y_ONE_HOT, _P, _Z, _TRUE_CLASS, _C, _N),
    takes=f"{_CLASS_LOGITS} The class applies log-softmax itself.",
    target="Class ids 0 to C-1, int64, shape [N]; or class probabilities, float, shape [N, C].",
    proper_scoring_rule="Yes, strictly: on average the true probabilities, and only they, "
    "make it smallest. Label smoothing and class weights move that best answer.",
    noise_model="The categorical distribution: it is the negative log-likelihood of one class "
    "drawn with the predicted probabilities.",
    use_when="Each example belongs to exactly one of two or more classes.",
    avoid_when="An example can have several labels at once, the target is a number, or many "
    "labels are wrong: a confident answer against a wrong label costs without limit.",
    gradient="With respect to the logits it is softmax(z) - y, so a wrong answer is pushed "
    "hard however confident it is, and a right one less and less.",
    source="Goodfellow, Bengio and Courville, Deep Learning, MIT Press, 2016, section 6.2.2; "
    "PyTorch documentation of torch.nn.CrossEntropyLoss.",
)

_NLL = Card(
    summary="It picks the log-probability of the true class and turns its sign: the second "
    "half of cross-entropy, for networks that end in a log-softmax.",
    example_formula=(("C classes, with true class t", r"L = -\log \hat{y}_t"),),
    batch_formula=r"J = -\frac{1}{N} \sum_{n=1}^{N} \log \hat{y}_{n,t_n}",
    symbols=(_P, _TRUE_CLASS, _N),
    takes="Log-probabilities, float, shape [N, C]: the output of log-softmax.",
    target=_CLASS_IDS,
    proper_scoring_rule="Yes, strictly, when its input is the log-softmax of the logits: "
    "it is then cross-entropy. On anything else it is no score at all.",
    noise_model="The categorical distribution, as for cross-entropy.",
    use_when="The network has to hand out log-probabilities anyway, for instance to print them.",
    avoid_when="The input is logits or plain probabilities: the class cannot tell, and the "
    "number it returns means nothing. CrossEntropyLoss does both steps safely.",
    gradient="Through the log-softmax it is softmax(z) - y with respect to the logits, so it "
    "trains exactly as cross-entropy does.",
    source="PyTorch documentation of torch.nn.NLLLoss; "
    "Bishop, Pattern Recognition and Machine Learning, Springer, 2006, section 4.3.4.",
)

_BCE = Card(
    summary="It measures how surprised the network is by the answer to a yes-or-no question; "
    "with several classes it asks one such question for each class.",
    example_formula=(
        (
            "One logit",
            r"L(y, \hat{y}) = -\left[y \log \hat{y} + (1 - y) \log (1 - \hat{y})\right],"
            r"\quad \hat{y} = \sigma(z)",
        ),
        (
            "One question a class",
            r"L = -\frac{1}{C} \sum_{i=1}^{C}"
            r" \left[y_i \log \hat{y}_i + (1 - y_i) \log (1 - \hat{y}_i)\right]",
        ),
    ),
    batch_formula=rf"J = {_MEAN_OF_LOSSES}",
    symbols=(_Y_BINARY, _P, _Z, _SIGMA, _C, _N, ("L_n", "loss of example n")),
    takes="Logits, float, shape [N] or [N, C], before any sigmoid. "
    "The class applies the sigmoid itself.",
    target=_ZEROS_AND_ONES,
    proper_scoring_rule="Yes, strictly, for each yes-or-no question. A pos_weight other than 1 "
    "moves the best answer away from the true probability.",
    noise_model="The Bernoulli distribution (a coin toss); with several classes, one "
    "independent toss a class.",
    use_when="There are two classes, or an example can have several labels at once.",
    avoid_when="Exactly one of several classes is true: the separate probabilities need not "
    "add up to 1, and cross-entropy uses the fact that they must.",
    gradient="With respect to a logit it is sigmoid(z) - y (divided by C with several classes), "
    "so a confident wrong answer is still pushed at nearly full strength.",
    source="Cox, The regression analysis of binary sequences, Journal of the Royal Statistical "
    "Society B 20, 1958; PyTorch documentation of torch.nn.BCEWithLogitsLoss.",
)

_BCE_ON_PROBABILITIES = Card(
    summary="It is binary cross-entropy computed from probabilities instead of logits, with "
    "each logarithm cut off at -100.",
    example_formula=(
        (
            "One probability",
            r"L = -\left[y \max(\log \hat{y}, -100) + (1 - y) \max(\log (1 - \hat{y}), -100)"
            r"\right]",
        ),
    ),
    batch_formula=rf"J = {_MEAN_OVER_OUTPUTS}",
    symbols=(
        _Y_BINARY,
        _P,
        ("C", "number of probabilities an example: 1, or one a class"),
        _N,
        ("L_{n,i}", "loss of probability i of example n"),
    ),
    takes="Probabilities between 0 and 1, float, shape [N] or [N, C]: the output of a sigmoid.",
    target=_ZEROS_AND_ONES,
    proper_scoring_rule="Yes, strictly, as long as the cut-off at -100 is not reached.",
    noise_model="The Bernoulli distribution, except where the cut-off holds.",
    use_when="Only probabilities are at hand, because the network ends in a sigmoid that "
    "cannot be taken out.",
    avoid_when="The logits are at hand: BCEWithLogitsLoss gives the same number for moderate "
    "logits and a right one for extreme logits.",
    gradient="On paper it is sigmoid(z) - y, but where rounding makes the sigmoid exactly "
    "0 or 1 it becomes 0, and a badly wrong example stops teaching anything.",
    source="PyTorch documentation of torch.nn.BCELoss.",
)

_KL_DIV = Card(
    summary="It measures how far the predicted probabilities are from a whole distribution of "
    "target probabilities: the extra surprise of believing the one when the other is true.",
    example_formula=(
        (
            "C classes",
            r"L(y, \hat{y}) = \sum_{i=1}^{C} y_i \left(\log y_i - \log \hat{y}_i\right)",
        ),
        (
            "Smoothed target, with true class t",
            r"y_i = (1 - \varepsilon) [i = t] + \frac{\varepsilon}{C}",
        ),
    ),
    batch_formula=rf"J = {_MEAN_OF_LOSSES}",
    symbols=(
        ("y", "target probability"),
        _P,
        (r"\varepsilon", "smoothing: the share spread evenly over all classes"),
        _TRUE_CLASS,
        _C,
        _N,
        ("L_n", "loss of example n"),
    ),
    takes="Log-probabilities, float, shape [N, C]: the output of log-softmax.",
    target="Probabilities that add up to 1 in each row, float, shape [N, C].",
    proper_scoring_rule="Yes, strictly, for the target distribution it is given. With smoothed "
    "one-hot targets the best answer is the smoothed frequencies, not the true ones.",
    noise_model="The categorical distribution: it is cross-entropy less the target's own "
    "entropy, a constant that training cannot change.",
    use_when="The target is itself a distribution: smoothed labels, votes of several people, "
    "or the output of another network.",
    avoid_when="The target is a single class and no smoothing is wanted: cross-entropy is "
    "simpler and gives the same number. Its default reduction divides by C too; use batchmean.",
    gradient="With respect to the logits it is softmax(z) - y, which is 0 at the smoothed "
    "target, so logits are not driven to infinity.",
    source="Kullback and Leibler, On Information and Sufficiency, Annals of Mathematical "
    "Statistics 22, 1951; PyTorch documentation of torch.nn.KLDivLoss.",
)

_HINGE = Card(
    summary="It measures by how much the true class's score fails to beat each other score by "
    "a margin; beyond the margin it is 0.",
    example_formula=(
        (
            "C classes, with true class t",
            r"L = \frac{1}{C} \sum_{i \ne t} \max(0,\, m - z_t + z_i)^p",
        ),
    ),
    batch_formula=rf"J = {_MEAN_OF_LOSSES}",
    symbols=(
        ("z", "scores: the network's raw outputs, any real number"),
        _TRUE_CLASS,
        ("m", "margin"),
        ("p", "power, 1 or 2"),
        _C,
        _N,
        ("L_n", "loss of example n"),
    ),
    takes="Scores, float, shape [N, C]. They are not turned into probabilities.",
    target=_CLASS_IDS,
    proper_scoring_rule="No: it looks only at differences of scores, so its best answer tells "
    "which class is likely, not how likely.",
    noise_model="None: it is not the negative log-likelihood of any distribution of classes.",
    use_when="Only the decision matters, as in a support vector machine.",
    avoid_when="Probabilities are needed. With three or more classes and noisy labels, its best "
    "answer can be a tie between the likeliest class and another.",
    gradient="With power 1, each class inside the margin is pushed down by 1 / C and the true "
    "class up by the sum of these; once all margins are met the example teaches nothing.",
    source="Weston and Watkins, Support Vector Machines for Multi-Class Pattern Recognition, "
    "ESANN, 1999; PyTorch documentation of torch.nn.MultiMarginLoss.",
)

_SOFT_MARGIN = Card(
    summary="It is the logistic loss for targets written as +1 and -1: a hinge with its corner "
    "rounded off.",
    example_formula=(("One score", r"L(y, z) = \log\left(1 + e^{-y z}\right)"),),
    batch_formula=rf"J = {_MEAN_OVER_OUTPUTS}",
    symbols=(
        ("y", "target: +1 or -1"),
        _Z,
        ("C", "number of logits an example: 1, or one a class"),
        _N,
        ("L_{n,i}", "loss of logit i of example n"),
    ),
    takes="Logits, float, any shape, before any sigmoid.",
    target="+1 or -1, float, the same shape as the logits.",
    proper_scoring_rule="Yes, strictly, for the probability sigmoid(z): it is binary "
    "cross-entropy with other names for the two answers.",
    noise_model="The Bernoulli distribution with probability sigmoid(z).",
    use_when="The targets are already +1 and -1.",
    avoid_when="The targets are 0 and 1: a target of 0 gives log 2 whatever the network says, "
    "without any complaint.",
    gradient="With respect to a logit it is -y sigmoid(-y z) (divided by C with several "
    "classes), which fades for right answers but never reaches 0.",
    source="Hastie, Tibshirani and Friedman, The Elements of Statistical Learning, 2nd edition, "
    "Springer, 2009, section 10.6; PyTorch documentation of torch.nn.SoftMarginLoss.",
)

_FOCAL = Card(
    summary="It is cross-entropy with each example's loss turned down the better the example "
    "is already predicted.",
    example_formula=(
        (
            "C classes, with true class t",
            r"L = -(1 - \hat{y}_t)^{\gamma} \log \hat{y}_t",
        ),
    ),
    batch_formula=r"J = -\frac{1}{N} \sum_{n=1}^{N} (1 - \hat{y}_{n,t_n})^{\gamma}"
    r" \log \hat{y}_{n,t_n}",
    symbols=(
        _P,
        _TRUE_CLASS,
        (r"\gamma", "focus: 0 is cross-entropy, larger turns easy examples down more"),
        _N,
    ),
    takes="Logits, float, shape [N, C]. There is no class for it in torch.nn.",
    target=_CLASS_IDS,
    proper_scoring_rule="No, for a focus above 0: the likeliest class comes out right, but the "
    "probabilities do not.",
    noise_model="None for a focus above 0; at 0 it is cross-entropy.",
    use_when="Easy examples are so many that their small losses drown the hard ones, as in "
    "finding objects in images.",
    avoid_when="Probabilities are needed, or some labels are wrong: a wrong label looks like a "
    "hard example and gets the most attention.",
    gradient="It is cross-entropy's gradient times a factor that falls to 0 as the true class's "
    "probability nears 1, so training is led by the examples that are still wrong.",
    source="Lin, Goyal, Girshick, He and Dollár, Focal Loss for Dense Object Detection, ICCV, "
    "2017; on its probabilities: Charoenphakdee et al., On Focal Loss for Class-Posterior "
    "Probability Estimation, CVPR, 2021.",
)


# ------------------------------------------------------------------ classes and values

_MSE = Card(
    summary="It measures the squared distance between what the network says and the target: "
    "a value for regression, probabilities for classes.",
    example_formula=(
        ("A value, or one probability", r"L(y, \hat{y}) = (\hat{y} - y)^2"),
        (
            "C class probabilities",
            r"L(y, \hat{y}) = \frac{1}{C} \sum_{i=1}^{C} (\hat{y}_i - y_i)^2",
        ),
    ),
    batch_formula=r"J = \frac{1}{N C} \sum_{n=1}^{N} \sum_{i=1}^{C} (\hat{y}_{n,i} - y_{n,i})^2",
    symbols=(
        ("y", "target: a value, or 0 and 1 for classes"),
        (r"\hat{y}", "predicted value or probability"),
        ("C", "number of outputs: 1, or one a class"),
        _N,
    ),
    takes="Values for regression; probabilities, after sigmoid or softmax, for classes. "
    "Float, shape [N] or [N, C].",
    target="Real values, or one-hot 0 and 1, float, exactly the shape of the predictions.",
    proper_scoring_rule="Yes, strictly, on probabilities: it is the Brier score divided by C. "
    "On values, its best single answer is the mean.",
    noise_model="On values, the normal distribution with one fixed variance, up to a scale and "
    "a constant. On probabilities, none that fits targets of 0 and 1.",
    use_when="The target is a number and large errors matter more than small ones.",
    avoid_when="The targets have outliers, which its square lets rule, or a classifier has to "
    "be trained fast from a bad start.",
    gradient="On values it is 2 (z - y): it grows with the error. Through a sigmoid it is "
    "2 (p - y) p (1 - p) with p the probability, which vanishes when the network is "
    "confidently wrong.",
    source="Brier, Verification of Forecasts Expressed in Terms of Probability, Monthly Weather "
    "Review 78, 1950; Bishop, Pattern Recognition and Machine Learning, Springer, 2006, "
    "section 1.2.5.",
)


# ------------------------------------------------------------------ values

_L1 = Card(
    summary="It measures the plain distance between prediction and target, in the target's own "
    "unit.",
    example_formula=(("One value", r"L(y, \hat{y}) = |\hat{y} - y|"),),
    batch_formula=r"J = \frac{1}{N C} \sum_{n=1}^{N} \sum_{i=1}^{C} |\hat{y}_{n,i} - y_{n,i}|",
    symbols=(_Y_VALUE, _PREDICTION, _OUTPUTS, _N),
    takes=_VALUES,
    target=_TARGET_VALUES,
    proper_scoring_rule=f"{_NOT_FOR_VALUES} Its best single answer is the median.",
    noise_model="The Laplace distribution with one fixed scale, up to a scale and a constant.",
    use_when="The targets have outliers that should not rule, or the typical error is what "
    "will be reported.",
    avoid_when="The mean is wanted (totals, for instance), or training must settle exactly: "
    "the step does not shrink near the target.",
    gradient="It is the sign of the error, +1 or -1, of the same size however small the error, "
    "so predictions tremble around the target unless the learning rate falls.",
    source="Koenker and Bassett, Regression Quantiles, Econometrica 46, 1978; "
    "PyTorch documentation of torch.nn.L1Loss.",
)

_SMOOTH_L1 = Card(
    summary="It is the absolute error with the corner at 0 rounded: a square for errors below "
    "beta, a straight line of slope 1 beyond.",
    example_formula=(
        (
            "One value",
            r"L = \begin{cases} \frac{e^2}{2 \beta} & \text{if } |e| < \beta \\"
            r" |e| - \frac{\beta}{2} & \text{otherwise} \end{cases},\quad e = \hat{y} - y",
        ),
    ),
    batch_formula=rf"J = {_MEAN_OVER_OUTPUTS}",
    symbols=(
        _Y_VALUE,
        _PREDICTION,
        _ERROR,
        (r"\beta", "the error at which the square becomes a line"),
        _OUTPUTS,
        _N,
        ("L_{n,i}", "loss of output i of example n"),
    ),
    takes=_VALUES,
    target=_TARGET_VALUES,
    proper_scoring_rule=f"{_NOT_FOR_VALUES} Its best single answer is near the median for a "
    "small beta and near the mean for a large one.",
    noise_model="A distribution that is normal in the middle and falls off like the Laplace "
    "distribution in the tails.",
    use_when="The targets have outliers and training must still settle: the corners of boxes "
    "in object detection are the usual case.",
    avoid_when="Curves for different beta are to be compared by height: beta changes how "
    "much a small error counts.",
    gradient="It is the error divided by beta, held between -1 and 1: no outlier pulls harder "
    "than 1, and near the target the steps shrink.",
    source="Girshick, Fast R-CNN, ICCV, 2015; PyTorch documentation of torch.nn.SmoothL1Loss.",
)

_HUBER = Card(
    summary="It is half the squared error for errors below delta, and a straight line of slope "
    "delta beyond.",
    example_formula=(
        (
            "One value",
            r"L = \begin{cases} \frac{1}{2} e^2 & \text{if } |e| < \delta \\"
            r" \delta \left(|e| - \frac{\delta}{2}\right) & \text{otherwise} \end{cases},"
            r"\quad e = \hat{y} - y",
        ),
    ),
    batch_formula=rf"J = {_MEAN_OVER_OUTPUTS}",
    symbols=(
        _Y_VALUE,
        _PREDICTION,
        _ERROR,
        (r"\delta", "the error at which the square becomes a line"),
        _OUTPUTS,
        _N,
        ("L_{n,i}", "loss of output i of example n"),
    ),
    takes=_VALUES,
    target=_TARGET_VALUES,
    proper_scoring_rule=f"{_NOT_FOR_VALUES} Its best single answer is near the median for a "
    "small delta and near the mean for a large one.",
    noise_model="A distribution that is normal in the middle and falls off like the Laplace "
    "distribution in the tails.",
    use_when="Most errors look normal but a few targets are far off, and the size of a usual "
    "error is known, so that delta can be set by it.",
    avoid_when="The scale of the target is unknown: a delta far too large gives half the "
    "squared error back, one far too small the absolute error times delta.",
    gradient="It is the error itself, held between -delta and delta: squared error's gradient "
    "near the target, a bounded pull from outliers.",
    source="Huber, Robust Estimation of a Location Parameter, Annals of Mathematical Statistics "
    "35, 1964; PyTorch documentation of torch.nn.HuberLoss.",
)

_POISSON_NLL = Card(
    summary="It measures how surprised a predicted rate is by an observed count.",
    example_formula=(
        ("The network gives the rate's logarithm", r"L(y, z) = e^{z} - y z"),
        (
            "The network gives the rate",
            r"L(y, \hat{y}) = \hat{y} - y \log(\hat{y} + \varepsilon)",
        ),
    ),
    batch_formula=rf"J = {_MEAN_OVER_OUTPUTS}",
    symbols=(
        ("y", "target: a count, 0, 1, 2, ..."),
        ("z", "logarithm of the predicted rate, any real number"),
        (r"\hat{y}", "predicted rate, the mean count"),
        (r"\varepsilon", "1e-8, which keeps the logarithm finite"),
        _OUTPUTS,
        _N,
        ("L_{n,i}", "loss of output i of example n"),
    ),
    takes="The logarithm of the rate, float; with log_input=False the rate itself, which must "
    "be above 0.",
    target="Counts, 0 or more, float, exactly the shape of the predictions.",
    proper_scoring_rule="Yes, strictly, among Poisson distributions. The best rate is the mean "
    "count.",
    noise_model="The Poisson distribution, without the term log(y!), which training cannot "
    "change; so the loss can be below 0.",
    use_when="The target counts events: calls an hour, defects a batch.",
    avoid_when="The targets are negative or standardised, or vary far more than a Poisson "
    "count does, whose variance equals its mean.",
    gradient="With the logarithm as input it is the predicted rate minus the count, so a rate "
    "far too high is pushed down very hard and can make the first steps jump.",
    source="Nelder and Wedderburn, Generalized Linear Models, Journal of the Royal Statistical "
    "Society A 135, 1972; PyTorch documentation of torch.nn.PoissonNLLLoss.",
)

_GAUSSIAN_NLL = Card(
    summary="It measures how surprised a predicted bell curve is by the value: the network "
    "says a mean and how unsure it is.",
    example_formula=(
        (
            "One value",
            r"L(y, \mu, v) = \frac{1}{2} \left(\log v + \frac{(\mu - y)^2}{v}\right)",
        ),
    ),
    batch_formula=rf"J = {_MEAN_OF_LOSSES}",
    symbols=(
        _Y_VALUE,
        (r"\mu", "predicted mean"),
        ("v", "predicted variance, at least 1e-6"),
        _N,
        ("L_n", "loss of example n"),
    ),
    takes="Two tensors: means, float, shape [N], and variances, 0 or more, of the same shape.",
    target="Real values, float, the shape of the means.",
    proper_scoring_rule="Yes, strictly, among normal distributions: the true mean and variance "
    "make it smallest.",
    noise_model="The normal distribution with a variance for each example, without the "
    "constant log(2 pi) / 2; so the loss can be below 0.",
    use_when="It matters how sure each prediction is, and some examples are noisier than others.",
    avoid_when="There are few examples or the noise is the same everywhere: squared error is "
    "steadier, and the variance can be measured afterwards.",
    gradient="For the mean it is the error divided by the variance, so an example called noisy "
    "early on hardly corrects its mean any more.",
    source="Nix and Weigend, Estimating the mean and variance of the target probability "
    "distribution, IEEE International Conference on Neural Networks, 1994; "
    "PyTorch documentation of torch.nn.GaussianNLLLoss.",
)


# ------------------------------------------------------------------ one's own

_CUSTOM = Card(
    summary="It measures what its author says: any formula of predictions and targets that "
    "gives one number.",
    example_formula=(
        ("Any formula", r"L(y, z) = \sum_{i=1}^{C} f(z_i, \hat{y}_i, y_i)"),
        ("To begin with", r"L(y, \hat{y}) = \sum_{i=1}^{C} (\hat{y}_i - y_i)^2"),
    ),
    batch_formula=rf"J = {_MEAN_OF_LOSSES}",
    symbols=(
        ("f", "the formula that was written, of z, p and y"),
        _Y_ONE_HOT,
        (r"\hat{y}", "p in the formula: softmax of the logits; the prediction for a value"),
        _Z,
        ("C", "number of outputs: 1, or one a class"),
        _N,
        ("L_n", "loss of example n"),
    ),
    takes="Logits, float, shape [N, C], one a class, or [N, 1] for a value. A formula that "
    "names p trains probabilities; one of z alone trains scores.",
    target="One-hot 0 and 1 for classes, the value itself for a value, float, in the shape of "
    "the logits.",
    proper_scoring_rule="Unknown until shown: for classes, check that the true probabilities "
    "make its average smallest.",
    noise_model="None, unless exp(-L) can be scaled to add up to 1 over all targets with the "
    "same scale for every prediction.",
    use_when="No ready-made loss says what a mistake costs, for instance when too low is worse "
    "than too high.",
    avoid_when="A ready-made loss says the same: it has been guarded against overflow and log 0.",
    gradient="PyTorch works it out from the formula; where the formula is flat or rounds to a "
    "constant it is 0, and nothing is learned there.",
    source="PyTorch documentation of torch.autograd.",
)

CARDS: dict[str, Card] = {
    "cross_entropy": _CROSS_ENTROPY,
    "nll": _NLL,
    "bce": _BCE,
    "bce_on_probabilities": _BCE_ON_PROBABILITIES,
    "mse": _MSE,
    "kl_div": _KL_DIV,
    "hinge": _HINGE,
    "soft_margin": _SOFT_MARGIN,
    "focal": _FOCAL,
    "l1": _L1,
    "smooth_l1": _SMOOTH_L1,
    "huber": _HUBER,
    "poisson_nll": _POISSON_NLL,
    "gaussian_nll": _GAUSSIAN_NLL,
    "custom": _CUSTOM,
}
