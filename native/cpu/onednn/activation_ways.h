// Tells how oneDNN computes each of our activations, if it does.
#pragma once

namespace saturnn::cpu {

// The ways of oneDNN's that native/activations.def names; `none`: it has none that is exact enough.
enum class OneDnnActivation { none, logistic, scaledTanh, tanh, leakyTanh, relu, leakyRelu };

// The way of the activation with this id. Throws ERR_INVALID_ARGUMENT if there is none.
OneDnnActivation oneDnnActivation(int kind);

}  // namespace saturnn::cpu
