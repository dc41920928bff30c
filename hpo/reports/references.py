"""The works behind the methods of a search, as a reference list and as BibTeX."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reference:
    """A published work.

    Attributes:
        kind: ``article``, ``inproceedings`` or ``book``.
        authors: As BibTeX has them, separated by ``and``.
        title: Its title.
        where: Journal, proceedings or publisher.
        year: Of publication.
    """

    kind: str
    authors: str
    title: str
    where: str
    year: int

    @property
    def text(self) -> str:
        """The reference on one line."""
        return f"{self.authors.replace(' and ', '; ')}: {self.title}. {self.where}, {self.year}."

    @property
    def fields(self) -> Mapping[str, str]:
        """Its BibTeX fields."""
        container = {"article": "journal", "inproceedings": "booktitle", "book": "publisher"}[self.kind]
        return {"author": self.authors, "title": self.title, container: self.where, "year": str(self.year)}


REFERENCES: Mapping[str, Reference] = {
    "agresti2005": Reference(
        "article",
        "Agresti, Alan and Min, Yongyi",
        "Simple improved confidence intervals for comparing matched proportions",
        "Statistics in Medicine",
        2005,
    ),
    "bergstra2011": Reference(
        "inproceedings",
        "Bergstra, James and Bardenet, Remi and Bengio, Yoshua and Kegl, Balazs",
        "Algorithms for hyper-parameter optimization",
        "Advances in Neural Information Processing Systems",
        2011,
    ),
    "bergstra2012": Reference(
        "article",
        "Bergstra, James and Bengio, Yoshua",
        "Random search for hyper-parameter optimization",
        "Journal of Machine Learning Research",
        2012,
    ),
    "dodge2019": Reference(
        "inproceedings",
        "Dodge, Jesse and Gururangan, Suchin and Card, Dallas and Schwartz, Roy and Smith, Noah A.",
        "Show your work: Improved reporting of experimental results",
        "Conference on Empirical Methods in Natural Language Processing",
        2019,
    ),
    "donner2012": Reference(
        "article",
        "Donner, Allan and Zou, Guang Yong",
        "Closed-form confidence intervals for functions of the normal mean and standard deviation",
        "Statistical Methods in Medical Research",
        2012,
    ),
    "hall1992": Reference("book", "Hall, Peter", "The bootstrap and Edgeworth expansion", "Springer", 1992),
    "hansen2001": Reference(
        "article",
        "Hansen, Nikolaus and Ostermeier, Andreas",
        "Completely derandomized self-adaptation in evolution strategies",
        "Evolutionary Computation",
        2001,
    ),
    "hvarfner2022": Reference(
        "inproceedings",
        "Hvarfner, Carl and Stoll, Danny and Souza, Artur and others",
        "piBO: Augmenting acquisition functions with user beliefs for Bayesian optimization",
        "International Conference on Learning Representations",
        2022,
    ),
    "kandasamy2018": Reference(
        "inproceedings",
        "Kandasamy, Kirthevasan and Krishnamurthy, Akshay and Schneider, Jeff and Poczos, Barnabas",
        "Parallelised Bayesian optimisation via Thompson sampling",
        "International Conference on Artificial Intelligence and Statistics",
        2018,
    ),
    "li2018": Reference(
        "article",
        "Li, Lisha and Jamieson, Kevin and DeSalvo, Giulia and others",
        "Hyperband: a novel bandit-based approach to hyperparameter optimization",
        "Journal of Machine Learning Research",
        2018,
    ),
    "li2020": Reference(
        "inproceedings",
        "Li, Liam and Jamieson, Kevin and Rostamizadeh, Afshin and others",
        "A system for massively parallel hyperparameter tuning",
        "Conference on Machine Learning and Systems",
        2020,
    ),
    "newcombe2006": Reference(
        "article",
        "Newcombe, Robert G.",
        "Confidence intervals for an effect size measure based on the Mann-Whitney statistic, part 2",
        "Statistics in Medicine",
        2006,
    ),
    "pedregosa2011": Reference(
        "article",
        "Pedregosa, Fabian and others",
        "Scikit-learn: Machine learning in Python",
        "Journal of Machine Learning Research",
        2011,
    ),
    "snoek2012": Reference(
        "inproceedings",
        "Snoek, Jasper and Larochelle, Hugo and Adams, Ryan P.",
        "Practical Bayesian optimization of machine learning algorithms",
        "Advances in Neural Information Processing Systems",
        2012,
    ),
    "sobol1967": Reference(
        "article",
        "Sobol, Ilya M.",
        "On the distribution of points in a cube and the approximate evaluation of integrals",
        "USSR Computational Mathematics and Mathematical Physics",
        1967,
    ),
    "wilson1927": Reference(
        "article",
        "Wilson, Edwin B.",
        "Probable inference, the law of succession, and statistical inference",
        "Journal of the American Statistical Association",
        1927,
    ),
}
