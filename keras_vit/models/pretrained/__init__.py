"""Loading weights into models; the class names that published weights come with."""
