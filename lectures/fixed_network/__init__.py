"""The networks that style and insight hold fixed, their pictures, and gradient descent on a picture."""
