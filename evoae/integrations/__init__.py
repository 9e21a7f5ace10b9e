"""evoae inside other people's programs: a scikit-learn estimator, a DEAP toolbox."""
