"""Networks: the FIN and its LSTM, the CNNs, the decoders that combine them, and classical classifiers."""
