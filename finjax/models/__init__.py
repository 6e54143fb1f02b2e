"""Networks: the recurrent core and the FIN built on it."""
