"""Which packages there are: `evoae`, and the folder `configs/` as `evoae.configs`."""

from setuptools import find_packages, setup

setup(
    packages=[*find_packages(include=["evoae*"]), "evoae.configs"],
    package_dir={"evoae.configs": "configs"},
)
