import numpy as np
import torch

from loam.training.card import Members
from loam.training.networks import build_network, draw_parameters
from loam.training.predict import predict_rows
from loam.training.rows import Rows


def test_held_out_moisture_beyond_the_possible_becomes_the_bound():
    network = build_network("mlp", {"hidden": [4], "output": "linear"}, (3, 0, 0), 2)
    parameters = draw_parameters(network, [1])
    parameters["output.weight"][:] = 0
    parameters["output.bias"][:] = torch.tensor([-0.4, 1.7])
    members = Members(network, parameters, torch.zeros(1, 3).double(), torch.ones(1, 3).double(), {})
    rows = Rows(np.random.default_rng(0).random((5, 3)), np.full((5, 2), 0.2), (3, 0, 0))
    assert (predict_rows(members, rows, [np.arange(5)])[0] == [0, 1]).all()
