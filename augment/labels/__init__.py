"""Evidence about the labels of texts, apart from the LM that wrote them."""
